import { PlaneError } from '../plane.js'

/** Carries changes to a program one after the other; those that come while one is under way are one. */
export class ChangeQueue {
  readonly #plane: string
  readonly #apply: () => Promise<void>
  readonly #failed: (error: PlaneError) => void
  #running: Promise<void> | undefined
  #wanted = false
  #failure: PlaneError | undefined

  /** `apply` brings the program to what is wanted at the moment of its call. */
  constructor(plane: string, apply: () => Promise<void>, failed: (error: PlaneError) => void) {
    this.#plane = plane
    this.#apply = apply
    this.#failed = failed
  }

  changed(): void {
    this.#wanted = true
    this.#running ??= this.#run()
  }

  /** Resolves when what was wanted before is done; rejects when the last attempt failed. */
  async applied(): Promise<void> {
    await this.#running
    if (this.#failure !== undefined) throw this.#failure
  }

  async #run(): Promise<void> {
    // changes of the same moment belong together
    await Promise.resolve()
    while (this.#wanted) {
      this.#wanted = false
      this.#failure = undefined
      try {
        await this.#apply()
      } catch (error) {
        this.#failure = error instanceof PlaneError ? error : this.#notApplied(error)
        this.#failed(this.#failure)
      }
    }
    this.#running = undefined
  }

  #notApplied(cause: unknown): PlaneError {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new PlaneError('MSMQ_PLANE_CHANGE', this.#plane, `could not apply a change: ${why}`, {
      cause,
      definite: false,
    })
  }
}
