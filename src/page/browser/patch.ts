// Brings the nodes of the page in line with a tree: what is alike stays as it is, so that focus, selection and
// scrolling survive a snapshot. Browser. Texts become text nodes and nothing else. What an element with `data-own`
// holds belongs to somebody else and is left alone.
import type { Branch, Twig } from '../view/tree.ts';

const SVG = 'http://www.w3.org/2000/svg';
const SVG_TAGS: ReadonlySet<string> =
  new Set(['svg', 'g', 'path', 'line', 'rect', 'polygon', 'text', 'title']);

/** Makes `element` what `branch` says; both have the same tag. */
export function patch(element: Element, branch: Branch): void {
  patchAttributes(element, branch.attributes);
  if (branch.attributes['data-own'] !== undefined) return;
  const { children } = branch;
  children.forEach((child, index) => {
    const node = element.childNodes[index];
    if (node === undefined) element.append(grown(child, element));
    else patchNode(node, child, element);
  });
  while (element.childNodes.length > children.length) element.lastChild?.remove();
}

function patchNode(node: ChildNode, twig: Twig, parent: Element): void {
  if (typeof twig === 'string') {
    if (node.nodeType !== Node.TEXT_NODE) node.replaceWith(twig);
    else if (node.nodeValue !== twig) node.nodeValue = twig;
    return;
  }
  if (node instanceof Element && node.localName === twig.tag && node.id === (twig.attributes['id'] ?? '')) {
    patch(node, twig);
  } else node.replaceWith(grown(twig, parent));
}

function patchAttributes(element: Element, wanted: Branch['attributes']): void {
  for (const { name } of [...element.attributes]) if (!(name in wanted)) element.removeAttribute(name);
  for (const [name, value] of Object.entries(wanted)) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

function grown(twig: Twig, parent: Element): Node {
  if (typeof twig === 'string') return document.createTextNode(twig);
  // A title within a picture is the picture's, the only other one is the document's.
  const isSvg = SVG_TAGS.has(twig.tag) && (twig.tag !== 'title' || parent.namespaceURI === SVG);
  const element = isSvg ? document.createElementNS(SVG, twig.tag) : document.createElement(twig.tag);
  patch(element, twig);
  return element;
}

/** One element with a text. */
export function made<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Readonly<Record<string, string>> = {}, ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
