// What is drawn, as a tree of plain data: the server writes it as HTML, the browser as nodes. So both draw the same,
// and neither puts a text where it could be read as markup. Pure; runs on both sides.

export interface Branch {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Twig[];
}
export type Twig = Branch | string;
type Grown = Twig | null | readonly Twig[];

/** One element; `null` among its children is none. */
export function h(tag: string, attributes: Readonly<Record<string, string>>, ...children: readonly Grown[]): Branch {
  return { tag, attributes, children: children.flatMap((child) => (child === null ? [] : child)) };
}

const VOID: ReadonlySet<string> = new Set(['meta', 'link', 'input', 'br']);

/** The tree as HTML, every text and attribute escaped. */
export function htmlOf(twig: Twig): string {
  if (typeof twig === 'string') return escaped(twig);
  const { tag, attributes, children } = twig;
  const given = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`).join('');
  return VOID.has(tag) ? `<${tag}${given}>` : `<${tag}${given}>${children.map(htmlOf).join('')}</${tag}>`;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
