// The graphs inside of branches and loops, for the cases of If, Loop and Scan.
import { TensorProto_DataType as Type } from 'onnx-buf';
import type { AttributeValue, GraphText } from './one-operator.ts';

type Declared = readonly [name: string, type: Type];

const value = ([name, elemType]: Declared): { readonly name: string; readonly type: object } => ({
  // The runtime wants to know that a loop's own values are single ones.
  name, type: { value: { case: 'tensorType', value: { elemType, ...(elemType === Type.FLOAT ? {} : { shape: {} }) } } },
});

function graph(
  inputs: readonly Declared[], nodes: readonly (readonly [string, readonly string[], string])[],
    outputs: readonly Declared[],
): GraphText {
  return {
    graph: {
      name: 'inner', input: inputs.map(value), output: outputs.map(value),
      node: nodes.map(([opType, input, output]) => ({ opType, input: [...input], output: [output] })),
    },
  };
}

type Attributes = Readonly<Record<string, AttributeValue>>;

/** One thing or the other of the condition itself. */
export const branches: Attributes = {
  then_branch: graph([], [['Identity', ['x0'], 'r']], [['r', Type.BOOL]]),
  else_branch: graph([], [['Not', ['x0'], 's']], [['s', Type.BOOL]]),
};

/** Twice its state, in each round. */
export const threeRounds: Attributes = {
  body: graph(
    [['round', Type.INT64], ['goes', Type.BOOL], ['state', Type.FLOAT]],
    [['Identity', ['goes'], 'goesOn'], ['Add', ['state', 'state'], 'twice']],
    [['goesOn', Type.BOOL], ['twice', Type.FLOAT]]),
};

/** Something of each slice alone. */
export const rowScan: Attributes = {
  body: graph([['slice', Type.FLOAT]], [['Neg', ['slice'], 'less']], [['less', Type.FLOAT]]),
};

/** What it has seen so far, added to each slice. */
export const carriedScan: Attributes = {
  body: graph(
    [['seen', Type.FLOAT], ['slice', Type.FLOAT]],
    [['Add', ['seen', 'slice'], 'more'], ['Identity', ['more'], 'shown']],
    [['more', Type.FLOAT], ['shown', Type.FLOAT]]),
};
