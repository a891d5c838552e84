// A worker that hands its task's number back.
export default function nothing({ slab }: { readonly slab: number }): number {
  return slab;
}
