/**
 * Rows as columns, which deflate to a fraction of what rows do. A column of numbers holds differences; one of objects
 * holds columns again, for those rows (`rows`) that have an object; any other holds each distinct value once and where it
 * stands, -1 where a row lacks the field.
 */
export type Column =
  | { readonly differences: readonly number[] }
  | { readonly rows: readonly number[]; readonly columns: Columns; readonly length: number }
  | { readonly values: readonly unknown[]; readonly places: readonly number[] }

export type Columns = Readonly<Record<string, Column>>

type Row = Readonly<Record<string, unknown>>

/** Rows of JSON values by the fields that any of them has. */
export function encodeColumns(rows: readonly Row[]): Columns {
  const names = new Set<string>()
  for (const row of rows) for (const name of Object.keys(row)) names.add(name)
  return Object.fromEntries(Array.from(names, name => [name, encodeColumn(rows.map(row => row[name]))]))
}

export function encodeColumn(values: readonly unknown[]): Column {
  if (values.every(value => typeof value === 'number' && Number.isSafeInteger(value))) {
    return { differences: values.map((value, index) => (value as number) - ((values[index - 1] as number) ?? 0)) }
  }
  const rows = values.flatMap((value, index) => (isObject(value) ? [index] : []))
  if (rows.length > 0 && values.every(value => value === null || isObject(value))) {
    const columns = encodeColumns(rows.map(row => values[row] as Row))
    return { rows: rows.map((row, index) => row - (rows[index - 1] ?? 0)), columns, length: values.length }
  }
  const places = new Map<string, number>()
  const distinct: unknown[] = []
  return {
    places: values.map(value => {
      if (value === undefined) return -1
      const text = JSON.stringify(value)
      let place = places.get(text)
      if (place === undefined) {
        place = distinct.push(value) - 1
        places.set(text, place)
      }
      return place
    }),
    values: distinct,
  }
}

function isObject(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The values again, `undefined` where a row lacks the field. Stands alone but for `decodeColumns`: the report's script has it. */
export function decodeColumn(column: Column): unknown[] {
  if ('differences' in column) {
    let sum = 0
    return column.differences.map(difference => {
      sum += difference
      return sum
    })
  }
  if ('places' in column) return column.places.map(place => (place < 0 ? undefined : column.values[place]))
  const decoded: unknown[] = new Array(column.length).fill(null)
  const objects = decodeColumns(column.columns, column.rows.length)
  let row = 0
  for (const [index, difference] of column.rows.entries()) {
    row += difference
    decoded[row] = objects[index]
  }
  return decoded
}

/** `count` rows again, fields in the order in which they were. */
export function decodeColumns(columns: Columns, count: number): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = Array.from({ length: count }, () => ({}))
  for (const [name, column] of Object.entries(columns)) {
    for (const [index, value] of decodeColumn(column).entries()) if (value !== undefined) rows[index]![name] = value
  }
  return rows
}
