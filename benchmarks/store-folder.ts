import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where the stores of one benchmark lie. All of them on one file system, or their figures could not be compared. */
export interface StoreFolder {
  readonly path: string
  /** For the reader of the figures: what a flush means here. */
  readonly remark: string
  /** A folder of its own inside, not yet there. */
  child(name: string): string
}

/** Magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
  26985: 'nfs',
}

/** Gives `body` a new folder below the system's temporary one (`TMPDIR` chooses the disk), gone afterwards. */
export async function withStoreFolder<T>(body: (folder: StoreFolder) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'mqlab-bench-'))
  try {
    return await body({ path, remark: fileSystemRemark(path), child: name => join(path, name) })
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

function fileSystemRemark(path: string): string {
  const { type } = statfsSync(path)
  const name = FILE_SYSTEMS[type] ?? `file system ${type.toString(16)}`
  return name === 'tmpfs'
    ? `stores below ${tmpdir()}, a tmpfs: nothing there is durable and a flush costs nothing; set TMPDIR to a disk`
    : `stores below ${tmpdir()} (${name})`
}
