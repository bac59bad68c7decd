import { luaDerivedFields } from './lua-fields.js'

export function luaSrmpElements(): string {
  return luaDerivedFields([])
}
