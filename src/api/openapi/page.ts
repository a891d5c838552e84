// GET /docs: the description of the HTTP surface as one page, without scripts and without anything from elsewhere.
// Pure; made once, when somebody asks.

type Json = Readonly<Record<string, unknown>>;

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8885; }
details { border: 1px solid #8885; border-radius: 6px; margin: .4rem 0; }
summary { cursor: pointer; padding: .5rem .8rem; }
details > div { padding: 0 .8rem .6rem; overflow-x: auto; }
code, pre { font: .9em ui-monospace, monospace; }
pre { background: #8881; padding: .6rem; border-radius: 6px; overflow-x: auto; }
b.method { display: inline-block; min-width: 3.2rem; font: 700 .85em ui-monospace, monospace; }
b.GET { color: #08792e; } b.POST { color: #0b5cad; }
table { border-collapse: collapse; } td { padding: .15rem .8rem .15rem 0; vertical-align: top; }
`;

/** The page for a document that `openApiDocument` made. */
export function documentPage(document: Json): string {
  const { info, tags, paths, components } = document as {
    readonly info: Readonly<Record<'title' | 'version' | 'summary' | 'description', string>>;
    readonly tags: readonly { readonly name: string; readonly description: string }[];
    readonly paths: Readonly<Record<string, Readonly<Record<string, OperationView>>>>;
    readonly components: { readonly schemas: Json };
  };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    if (own.length === 0) return '';
    const list = own.map(({ path, method, operation }) => operationHtml(method, path, operation)).join('\n');
    return `<h2>${safe(name)}</h2>\n<p>${safe(description)}</p>\n${list}`;
  });
  const schemas = Object.entries(components.schemas).map(([name, schema]) => {
    const summary = `<summary><code>${safe(name)}</code></summary>`;
    return `<details id="${safe(name)}">${summary}<div>${jsonHtml(schema)}</div></details>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(info.title)} ${safe(info.version)}</title><style>${STYLE}</style></head><body>
<h1>${safe(info.title)} ${safe(info.version)}</h1>
<p>${safe(info.summary)} ${safe(info.description)} <a href="openapi.json">openapi.json</a></p>
${sections.join('\n')}
<h2>Schemas</h2>
${schemas.join('\n')}
</body></html>
`;
}

interface OperationView {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: unknown }>> };
  readonly responses: Readonly<Record<string, {
    readonly description: string; readonly content: Readonly<Record<string, { readonly schema?: unknown }>>;
  }>>;
  readonly security?: unknown;
}

function operationHtml(method: string, path: string, operation: OperationView): string {
  const { summary, description = '', parameters = [], requestBody, responses, security } = operation;
  const rows = Object.entries(responses).map(([status, { description: text, content }]) =>
    `<tr><td>${safe(status)}</td><td>${safe(text)}</td><td>${contentHtml(content)}</td></tr>`);
  const named = parameters.map((one) =>
    `<tr><td><code>${safe(one.name)}</code></td><td>${safe(one.in)}</td><td>${safe(one.description ?? '')}</td></tr>`);
  const verb = `<b class="method ${safe(method)}">${safe(method)}</b>`;
  const token = security === undefined ? '' : ' <i>Bearer token.</i>';
  return `<details><summary>${verb} <code>${safe(path)}</code> ${safe(summary)}</summary>
<div><p>${safe(description)}${token}</p>
${named.length === 0 ? '' : `<table>${named.join('')}</table>`}
${requestBody === undefined ? '' : `<p>Body: ${contentHtml(requestBody.content)}</p>`}
<table>${rows.join('')}</table></div></details>`;
}

function contentHtml(content: Readonly<Record<string, { readonly schema?: unknown }>>): string {
  return Object.entries(content).map(([type, { schema }]) => {
    const reference = (schema as { readonly $ref?: string } | undefined)?.$ref?.split('/').at(-1);
    const shown = reference === undefined
      ? schema === undefined ? '' : jsonHtml(schema)
      : `<a href="#${safe(reference)}"><code>${safe(reference)}</code></a>`;
    return `<code>${safe(type)}</code> ${shown}`;
  }).join('<br>');
}

// References become links to the schema they name.
function jsonHtml(value: unknown): string {
  const text = safe(JSON.stringify(value, null, 1));
  return `<pre>${text.replace(/#\/components\/schemas\/(\w+)/g, '<a href="#$1">$1</a>')}</pre>`;
}

function safe(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
