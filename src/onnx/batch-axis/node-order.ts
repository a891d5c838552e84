// Nodes in an order in which each comes after those whose values it takes. The format asks for it; some writers put
// nodes at the end, and the runtime sorts them. Pure.
import type { Node } from '../graph.ts';

/** The same list when it is in order already. Nodes that wait for each other in a circle are left out. */
export function inOrder(nodes: readonly Node[]): readonly Node[] {
  const madeAt = new Map<string, number>();
  nodes.forEach(({ outputs }, at) => {
    for (const name of outputs) if (name !== '') madeAt.set(name, at);
  });
  const needs = nodes.map((node) => taken(node).flatMap((name) => madeAt.get(name) ?? []));
  if (needs.every((own, at) => own.every((need) => need < at))) return nodes;
  const waiting = needs.map((own) => new Set(own).size);
  const followers = nodes.map((): number[] => []);
  needs.forEach((own, at) => {
    for (const need of new Set(own)) followers[need]!.push(at);
  });
  const ready = waiting.flatMap((count, at) => (count === 0 ? [at] : []));
  const ordered: Node[] = [];
  for (let next = 0; next < ready.length; next += 1) {
    const at = ready[next]!;
    ordered.push(nodes[at]!);
    for (const follower of followers[at]!) {
      waiting[follower]! -= 1;
      if (waiting[follower] === 0) ready.push(follower);
    }
  }
  return ordered;
}

// The graphs inside of a node see the values around it.
function taken({ inputs, attributes }: Node): string[] {
  const inner = [...attributes.values()].flatMap(({ graphs }) => graphs.flatMap(({ nodes, outputs }) =>
    [...nodes.flatMap(taken), ...outputs.map(({ name }) => name)]));
  return inner.length === 0 ? [...inputs] : [...inputs, ...inner];
}
