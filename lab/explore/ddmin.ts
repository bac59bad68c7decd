/**
 * A shortest list, as far as leaving out stretches of it shows, for which `fails` still holds; the empty one if that does.
 * Delta debugging: halves are left out first, then quarters, down to single items. `items` itself is known to fail.
 */
export async function ddmin<Item>(
  items: readonly Item[],
  fails: (some: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  if (items.length === 0 || (await fails([]))) return []
  let kept = items
  let parts = 2
  while (kept.length > 1) {
    const size = Math.ceil(kept.length / parts)
    let shorter: readonly Item[] | null = null
    for (let first = 0; first < kept.length && shorter === null; first += size) {
      const rest = [...kept.slice(0, first), ...kept.slice(first + size)]
      if (await fails(rest)) shorter = rest
    }
    if (shorter !== null) {
      kept = shorter
      parts = Math.max(2, parts - 1)
    } else if (size === 1) return kept
    else parts = Math.min(kept.length, parts * 2)
  }
  return kept
}
