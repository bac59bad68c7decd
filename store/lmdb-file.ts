export function checkStructure(_path: string): void {}
