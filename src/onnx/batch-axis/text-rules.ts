// Rules for operators that take texts apart: into words, and words into counts. Pure.
// A run's texts become rows of as many words as the longest has, and the others are padded: harmless where whatever
// reads the words looks for none that is the padding.
import { Mixes, elementsOf, hasRows, rowsAlong, sizesOf } from './flow.ts';
import { features } from './image-rules.ts';
import type { Rule } from './node-view.ts';

/** Upper or lower case of each text; with words to leave out, those of all texts are left out together. */
export const normaliseTexts: Rule = (view) => {
  if (view.has('stopwords')) throw new Mixes('it drops words from all rows together');
  return elementsOf(view.input(0));
};

/** The words of each text, on one more axis. */
export const tokenise: Rule = (view) => {
  const flow = view.input(0);
  if (!hasRows(flow)) throw new Mixes('its texts are none of the rows');
  if (flow.axis > 0) throw new Mixes('its rows are not on axis 0');
  const before = sizesOf(flow);
  const padding = view.text('pad_value', '');
  if (padding === '') throw new Mixes('it does not say what it pads with');
  return { ...rowsAlong(0, [...before, view.newSize(0, before.length)], flow), padding };
};

/** How often each row has each of some words, or of some sequences of words. */
export const termCounts: Rule = (view) => {
  const { padding } = view.input(0);
  if (padding !== null) {
    const terms = view.node.attributes.get('pool_strings')?.texts ?? null;
    if (terms === null) throw new Mixes('its words cannot be looked through');
    if (terms.includes(padding)) throw new Mixes('it counts what texts are padded with');
  }
  return features('classes')(view);
};
