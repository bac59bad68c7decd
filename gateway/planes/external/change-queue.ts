/** Carries changes to a program one after the other; those that come while one is under way are one. */
export class ChangeQueue {
  readonly #apply: () => Promise<void>
  readonly #failed: (error: unknown) => void
  #running: Promise<void> | undefined
  #wanted = false
  #failure: unknown

  /** `apply` brings the program to what is wanted at the moment of its call. */
  constructor(apply: () => Promise<void>, failed: (error: unknown) => void) {
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
        this.#failure = error
        this.#failed(error)
      }
    }
    this.#running = undefined
  }
}
