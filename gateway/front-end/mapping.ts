/* What files say of where messages over HTTP go, with the place of each word, so that whoever is wrong can be told where. */

/** Lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface PlacedUrl extends Place {
  /** As written, without blanks around it. */
  readonly url: string
}

/** `inbound`: arriving messages; `outbound`: whose host is sent to instead; `receipts`: what `sendReceiptsTo` says. */
export type MappingTable = 'inbound' | 'outbound' | 'receipts'

export interface MappingRule {
  readonly table: MappingTable
  readonly from: PlacedUrl
  readonly to: PlacedUrl
}

/**
 * The forms that a file can have: `<redirections>` of Windows Server 2003 and later, `<mapping>` of Windows XP,
 * `<StreamReceiptSetup>`, and the keys of the configuration of `mqlab front-end`.
 */
export type MappingForm = 'redirections' | 'mapping' | 'StreamReceiptSetup' | 'yaml'

/** Why a file cannot be used as a mapping file. */
export type FaultId =
  | 'unreadable'
  | 'not-xml'
  | 'root-unknown'
  | 'namespace-wrong'
  | 'element-case'
  | 'element-unknown'
  | 'element-missing'
  | 'element-repeated'
  | 'text-misplaced'
  | 'address-missing'
  | 'shape-unknown'

export interface MappingFault extends Place {
  readonly id: FaultId
  readonly reason: string
  readonly remedy: string
}

/** One file. Where it has faults, what could be made of the rest is there too. */
export interface Mapping {
  readonly file: string
  /** Null where not even that can be told. */
  readonly form: MappingForm | null
  readonly rules: readonly MappingRule[]
  /** Destinations that outbound rules are not for. */
  readonly exceptions: readonly PlacedUrl[]
  /** What `sendReceiptsTo` says where no rule does; only the first counts. */
  readonly defaultReceipts: readonly PlacedUrl[]
  readonly transparent: boolean
  /** In the order of the file. With any, a front end ignores the file. */
  readonly faults: readonly MappingFault[]
}

export const EMPTY_MAPPING: Omit<Mapping, 'file' | 'form'> = {
  rules: [],
  exceptions: [],
  defaultReceipts: [],
  transparent: false,
  faults: [],
}

/** `file:line:column`, as compilers name places. */
export const placeText = ({ file, line, column }: Place) => `${file}:${line}:${column}`
