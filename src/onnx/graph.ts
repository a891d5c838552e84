// An ONNX model as a graph: its nodes with their attributes and the graphs inside of them, what it declares of values,
// and its constants, of which only small ones have their numbers here. Weights are stepped over, so that a large file
// costs neither time nor memory. Any thread.
// Invariants: a message that the format has once is not there twice (a parser would merge them); every limit refuses,
// nothing is cut.
import { RegularFile } from '../base/regular-file.ts';
import { constantOf } from './constant.ts';
import type { Constant } from './constant.ts';
import { ByteSource, Fields, MESSAGE_DEPTH_MAX } from './protobuf.ts';
import type { Span } from './protobuf.ts';

/** Nodes of all graphs of a model together. */
const NODES_MAX = 500_000;
/** Values and constants that are declared in all graphs together. */
const VALUES_MAX = 2_000_000;
/** Longer lists of integers are known by their length alone: those of a forest of trees have millions. */
const INTEGERS_KEPT = 256;
/** Texts of one attribute, which may be all words of a language, and of all attributes of a model together. */
const TEXTS_KEPT = 65_536;
const ALL_TEXTS_KEPT = 1_000_000;

/** A size, the name of one that is open, or null for one of which nothing is said. */
type Dimension = number | string | null;

/** What a graph declares of a value. */
interface ValueDeclaration {
  readonly name: string;
  readonly kind: 'tensor' | 'sequence' | 'map' | 'optional' | 'sparse tensor' | 'opaque' | 'none';
  /** The number of its element type in the ONNX format; 0 when it is no tensor or not said. */
  readonly elementType: number;
  /** null when nothing is said of its rank. */
  readonly shape: readonly Dimension[] | null;
  /** Of the field that holds it, with its key; so are those of attributes and nodes. */
  readonly span: Span;
}

interface Attribute {
  readonly name: string;
  /** null when it is none, or when a local function takes it from its caller (`reference`). */
  readonly integer: number | null;
  readonly float: number | null;
  readonly text: string | null;
  /** null when there are more than fit. */
  readonly integers: readonly number[] | null;
  readonly floatCount: number;
  /** null when there are more than fit; one that is too long to be a word is ''. */
  readonly texts: readonly string[] | null;
  readonly tensor: Constant | null;
  readonly graphs: readonly Graph[];
  readonly reference: string;
  readonly span: Span;
}

export interface Node {
  readonly name: string;
  readonly operator: string;
  /** '' for the operators of ONNX itself. */
  readonly domain: string;
  /** Names of values; '' for one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly span: Span;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueDeclaration[];
  readonly outputs: readonly ValueDeclaration[];
  readonly values: readonly ValueDeclaration[];
  readonly constants: ReadonlyMap<string, Constant>;
  /** Of its content, without key and length. */
  readonly span: Span;
}

/** A function that the file brings along; nodes use it like an operator. */
export interface LocalFunction {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
}

export interface OnnxModel {
  /** Of the format itself; before 4 no constant could be overridden by an input of its name. */
  readonly irVersion: number;
  /** The version of each domain's operators; that of ONNX itself under ''. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: Graph;
  readonly functions: readonly LocalFunction[];
}

/** Reads the model in the file at `path`; throws an Error when it has no graph or cannot be read. */
export function readModelFile(path: string, bytesMax: number): OnnxModel {
  const file = RegularFile.open(path, bytesMax);
  try {
    return readModel(ByteSource.ofFile(file.descriptor, file.bytes));
  } finally {
    file.close();
  }
}

export function readModel(source: ByteSource): OnnxModel {
  return new ModelReader(source).model();
}

/** Every node of the model, those inside of others and of local functions included. */
export function nodesOf({ graph, functions }: OnnxModel): Node[] {
  return withInner([...graph.nodes, ...functions.flatMap(({ nodes }) => nodes)]);
}

function withInner(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => [
    node, ...[...node.attributes.values()].flatMap(({ graphs }) => graphs.flatMap((inner) => withInner(inner.nodes))),
  ]);
}

const MODEL = { irVersion: 1, graph: 7, opset: 8, function: 25 } as const;
const OPSET = { domain: 1, version: 2 } as const;
const GRAPH = { node: 1, constant: 5, input: 11, output: 12, value: 13, sparseConstant: 15 } as const;
const FUNCTION = { name: 1, input: 4, output: 5, node: 7, opset: 9, domain: 10 } as const;
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 } as const;
const ATTRIBUTE = {
  name: 1, float: 2, integer: 3, text: 4, tensor: 5, graph: 6, floats: 7, integers: 8, texts: 9, graphs: 11,
  reference: 21,
} as const;
const VALUE = { name: 1, type: 2 } as const;
/** The alternatives of a type. */
const TYPE_KINDS: Readonly<Record<number, ValueDeclaration['kind']>> = {
  1: 'tensor', 4: 'sequence', 5: 'map', 7: 'opaque', 8: 'sparse tensor', 9: 'optional',
};
const TENSOR_TYPE = { elementType: 1, shape: 2 } as const;
const SHAPE_DIMENSION = 1;
const DIMENSION = { size: 1, name: 2 } as const;

/** Both names are the format's own. */
const domainOf = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

class ModelReader {
  readonly #source: ByteSource;
  #nodes = 0;
  #values = 0;
  #texts = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  model(): OnnxModel {
    const opsets = new Map<string, number>();
    const functions: LocalFunction[] = [];
    let graph: Graph | null = null;
    let irVersion = 0;
    const fields = new Fields(this.#source);
    while (fields.next()) {
      if (fields.number === MODEL.irVersion) irVersion = fields.value;
      else if (fields.number === MODEL.graph) graph = once('graph', graph, this.#graph(fields, 0));
      else if (fields.number === MODEL.opset) this.#opset(fields, opsets);
      else if (fields.number === MODEL.function) functions.push(this.#function(fields));
    }
    if (graph === null) throw new Error('it has no graph');
    return { irVersion, opsets, graph, functions };
  }

  #opset(span: Span, opsets: Map<string, number>): void {
    let [domain, version] = ['', 0];
    const fields = new Fields(this.#source, span);
    while (fields.next()) {
      if (fields.number === OPSET.domain) domain = domainOf(fields.text());
      else if (fields.number === OPSET.version) version = fields.value;
    }
    opsets.set(domain, version);
  }

  #graph({ from, to }: Span, depth: number): Graph {
    if (depth > MESSAGE_DEPTH_MAX) throw new Error(`its graphs are more than ${MESSAGE_DEPTH_MAX} messages deep`);
    const nodes: Node[] = [];
    const declared = { [GRAPH.input]: [], [GRAPH.output]: [], [GRAPH.value]: [] } as Record<number, ValueDeclaration[]>;
    const constants = new Map<string, Constant>();
    const fields = new Fields(this.#source, { from, to });
    while (fields.next()) {
      if (fields.number === GRAPH.node) nodes.push(this.#node(fields, depth + 1));
      else if (fields.number === GRAPH.constant) {
        this.#countValue();
        const constant = constantOf(fields);
        constants.set(constant.name, constant);
      } else if (fields.number === GRAPH.sparseConstant) {
        this.#countValue();
        const constant = this.#sparseConstant(fields);
        constants.set(constant.name, constant);
      } else declared[fields.number]?.push(this.#value(fields));
    }
    return {
      nodes, constants, inputs: declared[GRAPH.input]!, outputs: declared[GRAPH.output]!,
      values: declared[GRAPH.value]!, span: { from, to },
    };
  }

  #function(span: Span): LocalFunction {
    const nodes: Node[] = [];
    const [inputs, outputs]: [string[], string[]] = [[], []];
    let [name, domain] = ['', ''];
    const fields = new Fields(this.#source, span);
    while (fields.next()) {
      if (fields.number === FUNCTION.node) nodes.push(this.#node(fields, 1));
      else if (fields.number === FUNCTION.input) inputs.push(fields.text());
      else if (fields.number === FUNCTION.output) outputs.push(fields.text());
      else if (fields.number === FUNCTION.name) name = fields.text();
      else if (fields.number === FUNCTION.domain) domain = domainOf(fields.text());
    }
    return { name, domain, inputs, outputs, nodes };
  }

  #node(at: Fields, depth: number): Node {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) throw new Error(`it has more than ${NODES_MAX} nodes`);
    const [inputs, outputs]: [string[], string[]] = [[], []];
    const attributes = new Map<string, Attribute>();
    let [name, operator, domain] = ['', '', ''];
    const fields = new Fields(this.#source, at);
    while (fields.next()) {
      if (fields.number === NODE.input) inputs.push(fields.text());
      else if (fields.number === NODE.output) outputs.push(fields.text());
      else if (fields.number === NODE.name) name = fields.text();
      else if (fields.number === NODE.operator) operator = fields.text();
      else if (fields.number === NODE.domain) domain = domainOf(fields.text());
      else if (fields.number === NODE.attribute) {
        const attribute = this.#attribute(fields, depth + 1);
        attributes.set(attribute.name, attribute);
      }
    }
    return { name, operator, domain, inputs, outputs, attributes, span: { from: at.keyAt, to: at.to } };
  }

  #attribute(at: Fields, depth: number): Attribute {
    let [name, reference, floatBytes] = ['', '', 0];
    let integer: number | null = null;
    let float: number | null = null;
    let text: string | null = null;
    let tensor: Constant | null = null;
    let areTextsKept = true;
    const [integers, texts, graphs]: [number[], string[], Graph[]] = [[], [], []];
    const fields = new Fields(this.#source, at);
    while (fields.next()) {
      const { number } = fields;
      if (number === ATTRIBUTE.integers) fields.addIntegers(integers, INTEGERS_KEPT + 1);
      else if (number === ATTRIBUTE.floats) floatBytes += fields.to - fields.from;
      else if (number === ATTRIBUTE.name) name = fields.text();
      else if (number === ATTRIBUTE.integer) integer = fields.value;
      else if (number === ATTRIBUTE.float) float = floatAt(fields);
      else if (number === ATTRIBUTE.text) text = shortText(fields);
      else if (number === ATTRIBUTE.tensor) tensor = once('tensor', tensor, constantOf(fields));
      else if (number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs) graphs.push(this.#graph(fields, depth + 1));
      else if (number === ATTRIBUTE.texts) {
        this.#texts += 1;
        areTextsKept &&= texts.length < TEXTS_KEPT && this.#texts <= ALL_TEXTS_KEPT;
        if (areTextsKept) texts.push(shortText(fields));
      }
      else if (number === ATTRIBUTE.reference) reference = fields.text();
    }
    return {
      name, integer, float, text, tensor, graphs, reference, texts: areTextsKept ? texts : null,
      integers: integers.length > INTEGERS_KEPT ? null : integers, floatCount: floatBytes / 4,
      span: { from: at.keyAt, to: at.to },
    };
  }

  // Its values' name is its own.
  #sparseConstant(at: Fields): Constant {
    const fields = new Fields(this.#source, at);
    let name = '';
    const dims: number[] = [];
    while (fields.next()) {
      if (fields.number === 1) ({ name } = constantOf(fields));
      else if (fields.number === 3) fields.addIntegers(dims, INTEGERS_KEPT);
    }
    return { name, dims, elementType: 0, numbers: null, span: { from: at.keyAt, to: at.to } };
  }

  #value(at: Fields): ValueDeclaration {
    this.#countValue();
    let name = '';
    let type: Pick<ValueDeclaration, 'kind' | 'elementType' | 'shape'> = { kind: 'none', elementType: 0, shape: null };
    const fields = new Fields(this.#source, at);
    while (fields.next()) {
      if (fields.number === VALUE.name) name = fields.text();
      else if (fields.number === VALUE.type) type = this.#type(fields);
    }
    return { name, ...type, span: { from: at.keyAt, to: at.to } };
  }

  #type(span: Span): Pick<ValueDeclaration, 'kind' | 'elementType' | 'shape'> {
    let kind: ValueDeclaration['kind'] = 'none';
    let elementType = 0;
    let shape: Dimension[] | null = null;
    const types = new Fields(this.#source, span);
    while (types.next()) {
      const found = TYPE_KINDS[types.number];
      if (found === undefined) continue;
      if (kind !== 'none') throw new Error('a value in it has two types');
      kind = found;
      if (kind !== 'tensor') continue;
      const fields = new Fields(this.#source, types);
      while (fields.next()) {
        if (fields.number === TENSOR_TYPE.elementType) elementType = fields.value;
        else if (fields.number === TENSOR_TYPE.shape) shape = once('shape', shape, this.#shape(fields));
      }
    }
    return { kind, elementType, shape };
  }

  #shape(span: Span): Dimension[] {
    const shape: Dimension[] = [];
    const dimensions = new Fields(this.#source, span);
    while (dimensions.next()) {
      if (dimensions.number !== SHAPE_DIMENSION) continue;
      let size: Dimension = null;
      const fields = new Fields(this.#source, dimensions);
      while (fields.next()) {
        if (fields.number === DIMENSION.size) size = fields.value;
        else if (fields.number === DIMENSION.name) size = fields.text() || null;
      }
      shape.push(size);
    }
    return shape;
  }

  #countValue(): void {
    this.#values += 1;
    if (this.#values > VALUES_MAX) throw new Error(`it declares more than ${VALUES_MAX} values`);
  }
}

function once<T>(what: string, before: T | null, found: T): T {
  if (before !== null) throw new Error(`it has a second ${what} where there is one`);
  return found;
}

// Texts of attributes may be data, of any size; only short ones are words that an operator understands.
function shortText(fields: Fields): string {
  return fields.to - fields.from > INTEGERS_KEPT ? '' : fields.text();
}

function floatAt({ source, from, to }: Fields): number {
  const bytes = source.bytes(from, to);
  return bytes.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true) : NaN;
}
