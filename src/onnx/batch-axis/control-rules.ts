// Rules for branches and loops: what is known after them, whichever way they went and however often. Pure.
import type { Graph } from '../graph.ts';
import { Mixes, assertSame, axisIn, elementsOf, hasRows, isCount, rowsAlong, sameForAll, sizesOf } from './flow.ts';
import type { Flow } from './flow.ts';
import type { NodeView, Rule } from './node-view.ts';
import { isEqualSize, isNumber, openSize } from './sizes.ts';
import type { Size } from './sizes.ts';

/** A loop's state is the same kind of thing after each round, or after this many it is given up. */
const ROUNDS_MAX = 4;

function walked(view: NodeView, graph: Graph, inputs: readonly (Flow | Mixes)[]): Flow[] {
  return view.walkInner(graph, inputs).map((flow) => {
    if (flow instanceof Mixes) throw flow;
    return flow;
  });
}

/** What holds of both. */
function either(left: Flow, right: Flow, name: string): Flow {
  const isAlike = left.axis === right.axis && isEqualSize(left.outer, right.outer) &&
    isEqualSize(left.inner, right.inner);
  if (!isAlike) throw new Mixes('its rows are on another axis each way');
  if (left.shape === null || right.shape?.length !== left.shape.length) {
    if (hasRows(left)) throw new Mixes('its rank differs each way');
    return sameForAll(null);
  }
  const shape = left.shape.map((size, at) =>
    (isEqualSize(size, right.shape![at]!) ? size : openSize(`(${name}[${at}])`)));
  const result = hasRows(left) ? rowsAlong(left.axis, shape, left) : sameForAll(shape);
  return { ...result, isCounted: isCount(left) || isCount(right) };
}

export const branch: Rule = (view) => {
  const condition = view.input(0);
  const [known] = condition.numbers ?? [];
  if (known !== undefined && isNumber(known)) {
    return walked(view, view.graph(known.factor !== 0 ? 'then_branch' : 'else_branch'), []);
  }
  assertSame(condition, 'condition');
  const others = walked(view, view.graph('else_branch'), []);
  return walked(view, view.graph('then_branch'), [])
    .map((flow, at) => either(flow, others[at] ?? flow, view.nameOf(at)));
};

/** Rounds of a body until its state is the same kind of thing as before. */
function settled(
  view: NodeView, states: readonly Flow[], round: (states: readonly Flow[]) => readonly Flow[],
): { readonly states: readonly Flow[]; readonly outputs: readonly Flow[] } {
  let before: readonly Flow[] = states.map((state) => {
    return elementsOf(state);
  });
  for (let count = 0; count < ROUNDS_MAX; count += 1) {
    const outputs = round(before);
    const after = before.map((state, at) => either(state, outputs[at]!, `${view.nameOf(at)}#${count}`));
    const isSettled = after.every(({ shape }, at) => shape === before[at]!.shape || shape?.length === 0 ||
      shape?.every((size, axis) => isEqualSize(size, before[at]!.shape![axis]!)) === true);
    if (isSettled) return { states: after, outputs };
    // A size that changes from round to round is one of which nothing is known.
    before = after;
  }
  throw new Mixes('what its rounds make of its state cannot be followed');
}

// The rounds' answers lie behind each other on `axis`.
function stacked(view: NodeView, flow: Flow, output: number, axis: number): Flow {
  const shape = sizesOf(flow);
  const after = [...shape.slice(0, axis), view.newSize(output, axis), ...shape.slice(axis)];
  if (!hasRows(flow)) return sameForAll(after);
  return rowsAlong(flow.axis >= axis ? flow.axis + 1 : flow.axis, after, flow);
}

export const loop: Rule = (view) => {
  assertSame(view.optional(0), 'number of rounds');
  assertSame(view.optional(1), 'condition');
  const body = view.graph('body');
  const given = view.inputs.slice(2).map((flow) => flow ?? sameForAll(null));
  const { states, outputs } = settled(view, given, (before) => {
    const [condition, ...after] = walked(view, body, [sameForAll([]), sameForAll([]), ...before]);
    assertSame(condition ?? null, 'condition');
    return after;
  });
  return [...states, ...outputs.slice(states.length).map((flow, at) => stacked(view, flow, states.length + at, 0))];
};

export const scan: Rule = (view) => {
  if (view.opset < 9) throw new Mixes('it scans as its first version did');
  const body = view.graph('body');
  const count = view.integer('num_scan_inputs', 0);
  const flows = view.inputs.map((flow) => flow ?? sameForAll(null));
  const [states, scanned] = [flows.slice(0, flows.length - count), flows.slice(flows.length - count)];
  const axes = scanned.map((flow, at) => axisIn(view.integers('scan_input_axes')?.[at] ?? 0, sizesOf(flow).length));
  const outputAxes = view.node.outputs.slice(states.length).map((_, at) =>
    view.integers('scan_output_axes')?.[at] ?? 0);
  if (outputAxes.some((axis) => axis < 0)) throw new Mixes('the axes of its answers cannot be followed');
  if (scanned.some((flow, at) => hasRows(flow) && flow.axis === axes[at])) {
    return scanOfRows(view, body, { states, scanned, axes, outputAxes });
  }
  const steps = scanned.map((flow, at) => withoutAxis(flow, axes[at]!));
  const { states: after, outputs } = settled(view, states, (before) => walked(view, body, [...before, ...steps]));
  return [...after, ...outputs.slice(states.length).map((flow, at) =>
    stacked(view, flow, states.length + at, outputAxes[at]!))];
};

function withoutAxis(flow: Flow, axis: number): Flow {
  const shape = sizesOf(flow).filter((_, at) => at !== axis);
  return hasRows(flow) ? rowsAlong(flow.axis > axis ? flow.axis - 1 : flow.axis, shape, flow) : sameForAll(shape);
}

interface Scanned {
  readonly states: readonly Flow[];
  readonly scanned: readonly Flow[];
  readonly axes: readonly number[];
  readonly outputAxes: readonly number[];
}

// One row after the other. What its body does to a row is nobody else's business, as long as its state takes nothing of
// it along to the next one.
function scanOfRows(view: NodeView, body: Graph, { states, scanned, axes, outputAxes }: Scanned): readonly Flow[] {
  const [first] = scanned;
  const isTurned = ['scan_input_directions', 'scan_output_directions']
    .some((name) => view.integers(name)?.some((direction) => direction !== 0) === true);
  if (isTurned) throw new Mixes('it goes through the rows backwards');
  if (scanned.some((flow, at) => flow.axis !== axes[at] || !isEqualSize(flow.inner, first!.inner))) {
    throw new Mixes('it scans rows together with what has none');
  }
  const slices = scanned.map((flow, at) => sameForAll(sizesOf(flow).filter((_, axis) => axis !== axes[at])));
  const tainted = slices.map(() => new Mixes('it takes one row along to the next'));
  const after = view.walkInner(body, [...states, ...tainted]).slice(0, states.length).map((state) => {
    if (state instanceof Mixes) throw state;
    if (hasRows(state)) throw new Mixes('its state has rows');
    return state;
  });
  const rows: Size = sizesOf(first!)[axes[0]!]!;
  const outputs = walked(view, body, [...states, ...slices]).slice(states.length).map((flow, at) => {
    if (hasRows(flow)) throw new Mixes('it brings rows to each row');
    return rowsAlong(outputAxes[at]!, sizesOf(flow).toSpliced(outputAxes[at]!, 0, rows), first);
  });
  return [...after, ...outputs];
}
