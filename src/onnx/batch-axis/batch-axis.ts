// Follows the rows of a run from the inputs of a model to its outputs, operator by operator. What is said of an output
// holds for every run; where that cannot be shown, it is not said. Pure; the trial process and worker threads.
// Invariant: nothing that the file says can make it run for long: each node is looked at a bounded number of times.
import { reasonOf } from '../../base/errors.ts';
import type { Graph, LocalFunction, Node, OnnxModel } from '../graph.ts';
import { Mixes, hasRows, isCount, rowsAlong, sameForAll } from './flow.ts';
import type { Flow } from './flow.ts';
import { inOrder } from './node-order.ts';
import { NodeView } from './node-view.ts';
import { OPERATORS, takesPadding } from './operators.ts';
import type { OperatorTable } from './operators.ts';
import { numbersAsSizes } from './shape-rules.ts';
import { OPEN_ROWS, isOne, openSize, sizeOf } from './sizes.ts';
import type { Size } from './sizes.ts';

/** Nodes that are looked at, those of loops and functions as often as they are. */
const STEPS_MAX = 2_000_000;
/** Functions within functions. */
const CALLS_MAX = 50;
const PADDED = 'it is as wide as the longest of all rows';

/**
 * kept: each row of the output follows from the same row of the inputs alone. counted: from that and from how many rows
 * there are. none: it is the same whatever the rows are. unknown: rows are mixed, or cannot be followed.
 */
export interface OutputRows {
  readonly name: string;
  readonly rows: 'kept' | 'counted' | 'none' | 'unknown';
  /** Of an unknown one: the operator, and why. */
  readonly reason: string;
}

/** What is known of the rows in each output; `rowInputs` have them on their first axis. */
export function followRows(
  model: OnnxModel, rowInputs: ReadonlySet<string>, operators: OperatorTable = OPERATORS,
): OutputRows[] {
  const walk = new Walk(model, operators);
  const scope = new Scope(null);
  for (const { name, shape } of model.graph.inputs) {
    scope.set(name, lossless(() => startOf(name, shape, rowInputs.has(name), batchNames(model.graph, rowInputs))));
  }
  const found = walk.graph(model.graph, scope);
  return model.graph.outputs.map(({ name }, at) => outputRows(name, found[at]!));
}

function outputRows(name: string, flow: Flow | Mixes): OutputRows {
  if (flow instanceof Mixes) return { name, rows: 'unknown', reason: flow.message };
  if (!hasRows(flow)) {
    if (isCount(flow)) return { name, rows: 'unknown', reason: 'it tells how many rows there are' };
    return { name, rows: 'none', reason: '' };
  }
  if (flow.padding !== null) return { name, rows: 'unknown', reason: PADDED };
  if (flow.axis === 0 && isOne(flow.outer) && isOne(flow.inner)) {
    return { name, rows: flow.isCounted ? 'counted' : 'kept', reason: '' };
  }
  const reason = flow.axis === 0 ? 'it has several places for each row' : `its rows lie on axis ${flow.axis}`;
  return { name, rows: 'unknown', reason };
}

type Declared = Graph['inputs'][number]['shape'];

function batchNames({ inputs }: Graph, rowInputs: ReadonlySet<string>): Set<string> {
  const names = inputs.filter(({ name }) => rowInputs.has(name)).map(({ shape }) => shape?.[0]);
  return new Set(names.filter((name) => typeof name === 'string'));
}

function startOf(name: string, declared: Declared, isRows: boolean, batches: ReadonlySet<string>): Flow {
  if (declared === null) {
    if (isRows) throw new Mixes(`nothing is said of the rank of input "${name}"`);
    return sameForAll(null);
  }
  const shape = declared.map((size, axis): Size => {
    if (axis === 0 && isRows) return typeof size === 'number' ? sizeOf(size) : OPEN_ROWS;
    if (typeof size === 'number') return sizeOf(size);
    if (size !== null && batches.has(size)) throw new Mixes(`input "${name}" is as wide as there are rows`);
    return openSize(size === null ? `${name}[${axis}]` : JSON.stringify(size));
  });
  return isRows ? rowsAlong(0, shape) : sameForAll(shape);
}

function lossless(find: () => Flow): Flow | Mixes {
  try {
    return find();
  } catch (error) {
    if (error instanceof Mixes) return error;
    throw error;
  }
}

/** The values that a graph sees: its own, and those of the graphs around it. */
class Scope {
  readonly #values = new Map<string, Flow | Mixes>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null) {
    this.#outer = outer;
  }

  set(name: string, flow: Flow | Mixes): void {
    if (name !== '') this.#values.set(name, flow);
  }

  get(name: string): Flow | Mixes {
    return this.#values.get(name) ?? this.#outer?.get(name) ?? new Mixes(`there is no value "${name}"`);
  }
}

class Walk {
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #functions: ReadonlyMap<string, LocalFunction>;
  readonly #operators: OperatorTable;
  readonly #isOverridable: boolean;
  /** Which calls of functions it is in: a value's name is another value in each of them. */
  #callers: readonly string[] = [];
  #steps = 0;

  constructor({ irVersion, opsets, functions }: OnnxModel, operators: OperatorTable) {
    this.#isOverridable = irVersion >= 4;
    this.#opsets = opsets;
    this.#functions = new Map(functions.map((one) => [`${one.domain}:${one.name}`, one]));
    this.#operators = operators;
  }

  /** Inputs stand in the scope already. */
  graph({ constants, inputs, nodes, outputs }: Graph, scope: Scope): (Flow | Mixes)[] {
    const given = new Set(this.#isOverridable ? inputs.map(({ name }) => name) : []);
    for (const [name, { dims, numbers }] of constants) {
      // Of a constant that an input may stand in for, the numbers are not certain.
      scope.set(name, sameForAll(dims.map(sizeOf), given.has(name) ? null : numbersAsSizes(numbers)));
    }
    this.#run(nodes, scope);
    return outputs.map(({ name }) => scope.get(name));
  }

  #run(nodes: readonly Node[], scope: Scope): void {
    for (const node of inOrder(nodes)) {
      this.#steps += 1;
      const found = this.#steps > STEPS_MAX ? new Mixes('it has more nodes than are followed')
        : this.#node(node, scope);
      node.outputs.forEach((name, at) => {
        const flow = Array.isArray(found) ? (found as readonly (Flow | Mixes)[])[at] : found as Flow | Mixes;
        scope.set(name, flow ?? new Mixes(`${label(node)}: it has no output ${at}`));
      });
    }
  }

  #node(node: Node, scope: Scope): Flow | Mixes | readonly (Flow | Mixes)[] {
    const inputs = node.inputs.map((name) => (name === '' ? null : scope.get(name)));
    const lost = inputs.find((flow) => flow instanceof Mixes);
    if (lost !== undefined) return lost;
    const known = inputs as readonly (Flow | null)[];
    const inner = this.#functions.get(`${node.domain}:${node.operator}`);
    if (inner !== undefined) return this.#call(inner, node, known);
    const view = new NodeView(node, this.#opsets.get(node.domain) ?? 1, known, this.#callers.join(''),
      (graph, given) => this.#inner(graph, given, scope));
    try {
      const rule = this.#operators[node.domain]?.[node.operator];
      if (rule === undefined) throw new Mixes('nothing is known of it');
      if (known.some((flow) => flow !== null && flow.padding !== null) && !takesPadding(node)) throw new Mixes(PADDED);
      return counted(rule(view), known);
    } catch (error) {
      const loss = error instanceof Mixes ? error : new Mixes('it cannot be followed');
      return isConstant(node, known) && !loss.isAlways ? sameForAll(null)
        : new Mixes(`${label(node)}: ${reasonOf(loss)}`, loss.isAlways);
    }
  }

  #inner(graph: Graph, inputs: readonly (Flow | Mixes)[], outer: Scope): readonly (Flow | Mixes)[] {
    const scope = new Scope(outer);
    graph.inputs.forEach(({ name }, at) => scope.set(name, inputs[at] ?? new Mixes(`there is no value "${name}"`)));
    // What branches and rounds are put together from has sizes that are known to be alike.
    return this.graph(graph, scope).map((flow) =>
      (flow instanceof Mixes || flow.padding === null ? flow : new Mixes(PADDED)));
  }

  #call({ nodes, inputs, outputs }: LocalFunction, caller: Node, given: readonly (Flow | null)[]): (Flow | Mixes)[] {
    const callers = this.#callers;
    if (callers.length >= CALLS_MAX) return outputs.map(() => new Mixes(`${label(caller)}: it calls itself`));
    this.#callers = [...callers, `${caller.outputs.join()}/`];
    const scope = new Scope(null);
    inputs.forEach((name, at) => {
      const flow = given[at];
      if (flow !== null && flow !== undefined) scope.set(name, flow);
    });
    this.#run(nodes.map((node) => withAttributesOf(caller, node)), scope);
    this.#callers = callers;
    return outputs.map((name) => scope.get(name));
  }
}

// What comes of a count may be another one with another number of rows, whatever the operator.
function counted(found: Flow | readonly Flow[], inputs: readonly (Flow | null)[]): Flow | readonly Flow[] {
  if (inputs.every((flow) => flow?.isCounted !== true)) return found;
  return Array.isArray(found)
    ? (found as readonly Flow[]).map((flow) => ({ ...flow, isCounted: true }))
      : { ...(found as Flow), isCounted: true };
}

// Attributes that a function takes from its caller.
function withAttributesOf(caller: Node, node: Node): Node {
  if (![...node.attributes.values()].some(({ reference }) => reference !== '')) return node;
  const attributes = new Map(node.attributes);
  for (const [name, { reference }] of node.attributes) {
    if (reference === '') continue;
    const given = caller.attributes.get(reference);
    if (given === undefined) attributes.delete(name);
    else attributes.set(name, { ...given, name });
  }
  return { ...node, attributes };
}

// Nothing that comes in is of the rows, so nothing that comes out is, whatever is done to it.
function isConstant({ attributes }: Node, inputs: readonly (Flow | null)[]): boolean {
  return inputs.every((flow) => flow === null || (!hasRows(flow) && !isCount(flow))) &&
    [...attributes.values()].every(({ graphs }) => graphs.length === 0);
}

const label = ({ operator, name }: Node): string => (name === '' ? operator : `${operator} "${name}"`);
