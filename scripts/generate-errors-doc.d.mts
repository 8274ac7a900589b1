export function renderErrorsDoc(): Promise<string>;
