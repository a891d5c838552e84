// The rules of the layout as functions: circles of files, full folders, crumbs, exports that nobody takes, and names
// that stand for two things. Each takes files and returns one line per offence. Pure.
import ts from 'typescript';
import { importsOf, isIn, isTypeScript, linesOf, parse, resolved } from './rules.ts';
import type { Source } from './sources.ts';

export const FOLDER_FILES_MAX = 15;
export const FILE_LINES_MIN = 25;

const inSrc = (files: readonly Source[]): Source[] => files.filter(isIn('src')).filter(isTypeScript);

/** Every circle of files, type imports included: one line for each file, with the other files that it is tied to. */
export function circleOffences(files: readonly Source[]): string[] {
  const targets = new Map(inSrc(files).map((source) => [source.path, importsOf(source)
    .filter(({ from }) => from.startsWith('.')).map(({ from }) => resolved(source.path, from))]));
  return circlesOf(targets).flatMap((circle) =>
    circle.map((path) => `${path}: is in a circle with ${circle.filter((other) => other !== path).join(', ')}`));
}

/** Tarjan's strongly connected components, those of more than one file. */
function circlesOf(targets: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): void => {
    order.set(path, order.size);
    low.set(path, order.get(path)!);
    stack.push(path);
    for (const target of targets.get(path) ?? []) {
      if (!targets.has(target)) continue;
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) low.set(path, Math.min(low.get(path)!, low.get(target)!));
    }
    if (low.get(path) !== order.get(path)) return;
    const circle = stack.splice(stack.indexOf(path)).sort();
    if (circle.length > 1) circles.push(circle);
  };
  for (const path of targets.keys()) if (!order.has(path)) visit(path);
  return circles;
}

/** Folders of src with more files of their own than one look takes in. */
export function folderOffences(files: readonly Source[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of inSrc(files)) {
    const folder = path.slice(0, path.lastIndexOf('/'));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > FOLDER_FILES_MAX)
    .map(([folder, count]) => `${folder}: ${count} files; at most ${FOLDER_FILES_MAX}`);
}

/** Files of src that are too small to be a place of their own. */
export function crumbOffences(files: readonly Source[]): string[] {
  return inSrc(files).flatMap(({ path, text }) => {
    const { length } = linesOf(text);
    return length < FILE_LINES_MIN ? [`${path}: ${length} lines; at least ${FILE_LINES_MIN}`] : [];
  });
}

type NamedStatement =
  ts.FunctionDeclaration | ts.ClassDeclaration | ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

interface Declared {
  readonly path: string;
  readonly name: string;
}

/** Exported names that no other file takes; what the package exports is taken by those who install it. */
export function exportOffences(files: readonly Source[]): string[] {
  const taken = new Set(files.filter(isTypeScript).flatMap(takenNames));
  return inSrc(files).flatMap(declaredNames)
    .filter(({ path, name }) => !taken.has(`${path} ${name}`) && !taken.has(`${path} *`))
    .map(({ path, name }) => `${path}: nobody takes ${name}`);
}

/** Names that two files of src export for different things. */
export function nameOffences(files: readonly Source[]): string[] {
  const places = new Map<string, Set<string>>();
  for (const { path, name } of inSrc(files).flatMap(declaredNames)) {
    places.set(name, (places.get(name) ?? new Set()).add(path));
  }
  return [...places].filter(([, paths]) => paths.size > 1)
    .map(([name, paths]) => `${name}: is exported by ${[...paths].sort().join(', ')}`);
}

// What a file declares and exports itself; what it passes on belongs to the file that declares it.
function declaredNames(source: Source): Declared[] {
  const names: string[] = [];
  for (const statement of parse(source).statements) {
    if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined &&
      statement.exportClause !== undefined && ts.isNamedExports(statement.exportClause)) {
      names.push(...statement.exportClause.elements.map(({ name }) => name.text));
    }
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    const has = (wanted: ts.SyntaxKind): boolean => modifiers.some(({ kind }) => kind === wanted);
    // A default export is taken by whoever loads the file.
    if (!has(ts.SyntaxKind.ExportKeyword) || has(ts.SyntaxKind.DefaultKeyword)) continue;
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) if (ts.isIdentifier(name)) names.push(name.text);
    } else if (isNamed(statement) && statement.name !== undefined) names.push(statement.name.text);
  }
  return [...new Set(names)].map((name) => ({ path: source.path, name }));
}

const isNamed = (statement: ts.Statement): statement is NamedStatement =>
  ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) ||
  ts.isTypeAliasDeclaration(statement);

// `PATH NAME` for each name that a file takes from another one, `PATH *` when it takes all of them.
function takenNames(source: Source): string[] {
  const taken: string[] = [];
  const note = (from: ts.Expression | undefined, names: readonly string[]): void => {
    if (from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith('.')) return;
    taken.push(...names.map((name) => `${resolved(source.path, from.text)} ${name}`));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      if (bindings !== undefined) note(node.moduleSpecifier, namesOf(bindings));
      if (node.importClause?.name !== undefined) note(node.moduleSpecifier, ['default']);
    } else if (ts.isExportDeclaration(node)) {
      note(node.moduleSpecifier, node.exportClause === undefined ? ['*'] : namesOf(node.exportClause));
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      note(node.arguments[0], ['*']);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) note(node.argument.literal, ['*']);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(source));
  return taken;
}

const namesOf = (bindings: ts.NamedImportBindings | ts.NamedExportBindings): string[] =>
  ts.isNamedImports(bindings) || ts.isNamedExports(bindings) ? bindings.elements.map(sourceName) : ['*'];

const sourceName = ({ name, propertyName }: ts.ImportSpecifier | ts.ExportSpecifier): string =>
  (propertyName ?? name).text;

/** Offences that are not excused, and excuses that are needed no more: an allow-list can only shrink. */
export function notAllowed(offences: readonly string[], allowed: readonly string[]): string[] {
  const subjectOf = (offence: string): string => offence.slice(0, offence.indexOf(': '));
  const subjects = new Set(offences.map(subjectOf));
  return [
    ...offences.filter((offence) => !allowed.includes(subjectOf(offence))),
    ...allowed.filter((subject) => !subjects.has(subject))
      .map((subject) => `${subject}: is allowed and offends no more`),
  ];
}
