/** What the report's script uses of a browser's page. The project is compiled without the browser's types. */

export interface PageEvent {
  readonly key: string
  readonly target: PageElement | null
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  preventDefault(): void
}

export interface PageElement {
  readonly id: string
  readonly tagName: string
  readonly isContentEditable: boolean
  readonly dataset: Record<string, string | undefined>
  readonly style: Record<string, string>
  readonly classList: { add(name: string): void; toggle(name: string, on: boolean): void }
  readonly clientHeight: number
  readonly selectedOptions: Iterable<PageElement>
  textContent: string | null
  innerHTML: string
  hidden: boolean
  value: string
  checked: boolean
  scrollTop: number
  href: string
  download: string
  append(...children: PageElement[]): void
  addEventListener(type: string, act: (event: PageEvent) => void): void
  click(): void
  closest(selector: string): PageElement | null
  focus(options?: { preventScroll: boolean }): void
  getAttribute(name: string): string | null
  querySelector(selector: string): PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement>
  removeAttribute(name: string): void
  scrollIntoView(options: { block: string; inline?: string }): void
  setAttribute(name: string, value: string): void
}

export interface Page {
  readonly documentElement: PageElement
  readonly activeElement: PageElement | null
  createElement(name: string): PageElement
  querySelector(selector: string): PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement>
  addEventListener(type: string, act: (event: PageEvent) => void): void
}
