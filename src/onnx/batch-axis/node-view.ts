// A node with what is known of its inputs, as the rules for its operator look at it. Pure.
import type { Graph, Node } from '../graph.ts';
import { Mixes, assertSame, hasRows } from './flow.ts';
import type { Flow } from './flow.ts';
import { openSize } from './sizes.ts';
import type { Size } from './sizes.ts';

/** What is known of a node's outputs, one for each or one for all; throws Mixes. */
export type Rule = (view: NodeView) => Flow | readonly Flow[];

/** Follows the rows through a graph inside of a node, whose own inputs are given. */
type InnerWalk = (graph: Graph, inputs: readonly (Flow | Mixes)[]) => readonly (Flow | Mixes)[];

export class NodeView {
  readonly node: Node;
  /** The version of its domain's operators. */
  readonly opset: number;
  /** null for those that are left out. */
  readonly inputs: readonly (Flow | null)[];
  /** Tells its values from those of the same name in another call of the function that it is in; '' outside of any. */
  readonly place: string;
  readonly walkInner: InnerWalk;

  constructor(node: Node, opset: number, inputs: readonly (Flow | null)[], place: string, walkInner: InnerWalk) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.place = place;
    this.walkInner = walkInner;
  }

  get outputCount(): number {
    return this.node.outputs.length;
  }

  input(at: number): Flow {
    const found = this.inputs[at];
    if (found === null || found === undefined) throw new Mixes(`it has no input ${at}`);
    return found;
  }

  optional(at: number): Flow | null {
    return this.inputs[at] ?? null;
  }

  /** All inputs from `at` on, but for those that are left out. */
  from(at: number): Flow[] {
    return this.inputs.slice(at).filter((flow) => flow !== null);
  }

  /** Whether it has been given rows of the run, or a number that counts them. */
  get seesRows(): boolean {
    return this.inputs.some((flow) => flow !== null && hasRows(flow));
  }

  /** Throws Mixes unless every input from `at` on is the same for all rows. */
  assertSameFrom(at: number, what: string): void {
    for (const flow of this.from(at)) assertSame(flow, what);
  }

  integer(name: string, otherwise: number): number {
    return this.node.attributes.get(name)?.integer ?? otherwise;
  }

  /** null when it is not there. */
  integers(name: string): readonly number[] | null {
    const found = this.node.attributes.get(name);
    if (found === undefined) return null;
    if (found.integers === null) throw new Mixes(`its ${name} is too long`);
    return found.integers;
  }

  text(name: string, otherwise: string): string {
    return this.node.attributes.get(name)?.text ?? otherwise;
  }

  has(name: string): boolean {
    return this.node.attributes.has(name);
  }

  graph(name: string): Graph {
    const [found] = this.node.attributes.get(name)?.graphs ?? [];
    if (found === undefined) throw new Mixes(`it has no ${name}`);
    return found;
  }

  /** Of an output, wherever in the model it is. */
  nameOf(output: number): string {
    return this.place + (this.node.outputs[output] ?? '');
  }

  /** A size of which only is known that it is the same for all rows. */
  newSize(output: number, axis: number): Size {
    return openSize(`${this.nameOf(output)}[${axis}]`);
  }
}
