// The rules of the house as functions: each takes files and returns one line per offence. Pure.
import ts from 'typescript';
import type { Source } from './sources.ts';

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const COLUMNS_MAX = 120;

/** The floors of src; an import goes to a lower floor or stays in its folder. */
export const FLOORS: Readonly<Record<string, number>> = {
  cli: 9, engine: 8, doctor: 8, api: 7, page: 6, admin: 7, backtest: 7, record: 7,
  http: 6, rollout: 6, batch: 5, judge: 5,
  worker: 4, metrics: 4, protocols: 3, registry: 3, datasets: 3, domain: 2, artifacts: 2, options: 1, onnx: 1,
  'shared-memory': 1, base: 0,
};
/**
 * The floors within a folder that has some, the lowest first; a file beside them that is not named is on top. Those of
 * one floor that are named together know nothing of each other.
 */
const INNER_FLOORS: Readonly<Record<string, readonly (string | readonly string[])[]>> = {
  'src/judge': ['types', 'statistics', 'pairs', 'baseline', 'window', 'checks', 'verdict', 'monitor'],
  'src/rollout': ['preparation', 'deployment', 'registration', 'attribution'],
  'src/protocols': ['json', 'tensor-request.ts', ['predict', 'oip', 'tfs', 'f32']],
  'src/registry': ['store', 'rules.ts', 'versions.ts', 'opening', 'commit'],
  'src/engine': [
    'log.ts', 'events.ts', 'monitor-link.ts', 'follower.ts', 'traffic-store.ts', 'safety', 'page', 'models', 'notices',
    'blame', 'api',
  ],
  'src/page': ['snapshot.ts', 'style.ts', 'view', 'browser'],
  'src/worker': ['messages.ts', 'session', 'run', 'pool', 'entry'],
};

export const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');
export const isIn = (folder: string) => ({ path }: Source): boolean => path.startsWith(`${folder}/`);
export const isTypeScript = ({ path }: Source): boolean => path.endsWith('.ts');

// Every rule looks at every file: each is parsed once.
const trees = new WeakMap<Source, ts.SourceFile>();
export function parse(source: Source): ts.SourceFile {
  const tree = trees.get(source) ?? ts.createSourceFile(source.path, source.text, ts.ScriptTarget.ES2022, true);
  trees.set(source, tree);
  return tree;
}

interface Import {
  readonly from: string;
  readonly isTypeOnly: boolean;
  /** It is loaded with the file, not later by a call. */
  readonly isStatic: boolean;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ from: node.moduleSpecifier.text, isTypeOnly: isTypeOnly(node.importClause), isStatic: true });
    } else if (ts.isExportDeclaration(node)) {
      const from = node.moduleSpecifier;
      if (from !== undefined && ts.isStringLiteral(from)) {
        found.push({ from: from.text, isTypeOnly: node.isTypeOnly, isStatic: true });
      }
    } else if (ts.isCallExpression(node) && isLoader(node.expression)) {
      const [name] = node.arguments;
      if (name !== undefined && ts.isStringLiteral(name)) {
        found.push({ from: name.text, isTypeOnly: false, isStatic: false });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(source));
  return found;
}

function isLoader(called: ts.Expression): boolean {
  return called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
}

/** Resolves a relative import to a path from the root. */
export function resolved(path: string, from: string): string {
  return new URL(from, `file:///${path}`).pathname.slice(1);
}

function floorOf(path: string): { readonly folder: string; readonly floor: number | undefined } {
  const [, folder = '', ...rest] = path.split('/');
  if (rest.length > 0) return { folder, floor: FLOORS[folder] };
  return path === 'src/index.ts' ? { folder: 'index', floor: 9 } : { folder: '', floor: 1 };
}

/** Imports of src go downwards or stay in their folder; types alone may come from a neighbour on the same floor. */
export function layerOffences(files: readonly Source[]): string[] {
  return files.filter(isIn('src')).filter(isTypeScript).flatMap((source) => {
    const here = floorOf(source.path);
    if (here.floor === undefined) return [`${source.path}: the folder src/${here.folder} has no floor`];
    return importsOf(source).filter(({ from }) => from.startsWith('.')).flatMap(({ from, isTypeOnly: onlyTypes }) => {
      const target = resolved(source.path, from);
      const there = floorOf(target);
      if (!target.startsWith('src/')) return [`${source.path}: imports ${target}, which is outside src`];
      if (there.floor === undefined) return [`${source.path}: imports ${target}, whose folder has no floor`];
      const isBelow = there.floor < here.floor! || (onlyTypes && there.floor === here.floor);
      if (isBelow || there.folder === here.folder) return [];
      return [`${source.path} (floor ${here.floor}): imports ${target} (floor ${there.floor})`];
    });
  });
}

/** Imports between the folders of one that has floors of its own go downwards or stay in their folder. */
export function innerLayerOffences(files: readonly Source[]): string[] {
  return Object.entries(INNER_FLOORS).flatMap(([room, floors]) => {
    const partsOf = (path: string): string[] => path.slice(room.length + 1).split('/');
    const floorIn = (path: string): number | undefined => {
      const [folder = '', ...rest] = partsOf(path);
      const at = floors.findIndex((floor) => [floor].flat().includes(folder));
      return at >= 0 ? at : rest.length === 0 ? floors.length : undefined;
    };
    const isAllowed = (path: string, target: string): boolean => {
      const [here, there] = [floorIn(path) ?? 0, floorIn(target) ?? Infinity];
      return there < here || (there === here && (there === floors.length || partsOf(path)[0] === partsOf(target)[0]));
    };
    return files.filter(isIn(room)).filter(isTypeScript).flatMap((source) => {
      if (floorIn(source.path) === undefined) return [`${source.path}: its folder has no floor in ${room}`];
      return importsOf(source)
        .filter(({ from }) => from.startsWith('.'))
        .map(({ from }) => resolved(source.path, from))
        .filter((target) => target.startsWith(`${room}/`) && !isAllowed(source.path, target))
        .map((target) => `${source.path}: imports ${target}, which is not below it in ${room}`);
    });
  });
}

/** A driver of http/ is seen by itself and by the one place that chooses it; everybody else sees the interface. */
export function driverOffences(files: readonly Source[]): string[] {
  const chooser = 'src/api/server.ts';
  const driver = /^src\/http\/(?:uws|node)\//;
  return files.filter(isIn('src')).filter(isTypeScript).filter(({ path }) => !driver.test(path)).flatMap((source) =>
    importsOf(source).flatMap(({ from }) => {
      const target = from.startsWith('.') ? resolved(source.path, from) : from;
      const isChosen = source.path === chooser && /\/driver\.ts$/.test(target);
      if (target !== 'uWebSockets.js' && target !== 'ws' && (!driver.test(target) || isChosen)) return [];
      return [`${source.path}: imports ${target}, a part of a driver of http/`];
    }));
}

/** Packages that a file brings into a thread that starts with it, each with the file that imports it; types do not. */
export function packagesReachedFrom(files: readonly Source[], entry: string): Map<string, string> {
  const byPath = new Map(files.map((source) => [source.path, source]));
  const packages = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    const source = byPath.get(path);
    if (source === undefined || seen.has(path)) return;
    seen.add(path);
    for (const { from, isTypeOnly: onlyTypes, isStatic } of importsOf(source)) {
      if (onlyTypes || !isStatic) continue;
      if (from.startsWith('.')) visit(resolved(path, from));
      else if (!from.startsWith('node:') && !packages.has(from)) packages.set(from, path);
    }
  };
  visit(entry);
  if (seen.size === 0) throw new Error(`there is no ${entry}`);
  return packages;
}

/** What the main thread alone needs: it would cost every other thread its start and some megabytes. */
const MAIN_THREAD_ONLY = new Set(['zod', 'pino', 'commander', 'lmdb', 'piscina']);

/** The entries of threads bring in nothing that only the main thread needs. */
export function threadOffences(files: readonly Source[], entries: readonly string[]): string[] {
  return entries.flatMap((entry) => [...packagesReachedFrom(files, entry)]
    .filter(([name]) => MAIN_THREAD_ONLY.has(name))
    .map(([name, path]) => `${entry}: loads "${name}", which ${path} imports`));
}

export interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Packages are declared where they are used: src has the dependencies only, everything else the others too. */
export function dependencyOffences(files: readonly Source[], { dependencies, devDependencies }: PackageJson): string[] {
  const forUse = new Set(Object.keys(dependencies ?? {}));
  const forWork = new Set([...forUse, ...Object.keys(devDependencies ?? {})]);
  return files.filter(isTypeScript).flatMap((source) =>
    importsOf(source)
      .filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))
      .map(({ from }) => from.split('/').slice(0, from.startsWith('@') ? 2 : 1).join('/'))
      .filter((name) => !(source.path.startsWith('src/') ? forUse : forWork).has(name))
      .map((name) => `${source.path}: imports "${name}", which package.json does not declare for it`));
}

/** Versions in package.json are exact. */
export function versionOffences({ dependencies, devDependencies }: PackageJson): string[] {
  const isExact = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !isExact.test(version))
    .map(([name, version]) => `package.json: "${name}" is "${version}", which is no exact version`);
}

/** Lengths of files and lines; only a test's name may run over, because it is a sentence. */
export function sizeOffences(files: readonly Source[]): string[] {
  return files.filter(isTypeScript).flatMap(({ path, text }) => {
    const lines = linesOf(text);
    const isWide = (line: string): boolean => line.length > COLUMNS_MAX && !/^\s*test\('/.test(line);
    const wide = lines.flatMap((line, index) =>
      isWide(line) ? [`${path}:${index + 1}: ${line.length} columns; at most ${COLUMNS_MAX}`] : []);
    if (lines.length <= FILE_LINES_MAX) return wide;
    return [`${path}: ${lines.length} lines; at most ${FILE_LINES_MAX}`, ...wide];
  });
}

/** Functions of src and scripts; the bodies of test suites are lists and may be longer. */
export function functionOffences(files: readonly Source[]): string[] {
  const judged = files.filter((source) => isIn('src')(source) || isIn('scripts')(source));
  return judged.filter(isTypeScript).flatMap((source) => {
    const offences: string[] = [];
    const tree = parse(source);
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node)) {
        const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
        const text = linesOf(node.getText(tree)).filter((line) => !/^\s*(\/\/|\/\*|\*)/.test(line));
        if (text.length > FUNCTION_LINES_MAX) {
          const where = `${source.path}:${first + 1}`;
          offences.push(`${where}: a function of ${text.length} lines; at most ${FUNCTION_LINES_MAX}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return offences;
  });
}

/** Every file says first what it holds, and its name says so too; a test's first suite does for its header. */
export function headerOffences(files: readonly Source[]): string[] {
  return files.filter(isTypeScript).flatMap(({ path, text }) => {
    const [first = '', second = ''] = linesOf(text);
    const header = first.startsWith('#!') ? second : first;
    const hasHeader = /^\/\/ \S/.test(header) || path.endsWith('.test.ts');
    const isNamed = !/(^|\/)(utils?|helpers?|misc|common)(\/|\.|-)/.test(path);
    return [
      ...(hasHeader ? [] : [`${path}: begins with no comment that says what it holds`]),
      ...(isNamed ? [] : [`${path}: is named after nothing it holds`]),
    ];
  });
}

/** Only the command line talks to people directly. */
export function consoleOffences(files: readonly Source[]): string[] {
  const writes = /^(?!\s*(\/\/|\*)).*\bconsole\./;
  return files.filter((source) => isIn('src')(source) && !isIn('src/cli')(source)).flatMap(({ path, text }) =>
    linesOf(text).flatMap((line, index) =>
      writes.test(line) ? [`${path}:${index + 1}: writes to the console`] : []));
}

/** Every code of the table is used in src, and every code that src builds or compares with is in the table. */
export function errorCodeOffences(files: readonly Source[], codes: readonly string[]): string[] {
  const users = files.filter((source) => isIn('src')(source) && source.path !== 'src/base/error-table.ts');
  const unused = codes
    .filter((code) => !users.some(({ text }) => text.includes(`'${code}'`)))
    .map((code) => `src/base/error-table.ts: nothing in src uses ${code}`);
  const unknown = users.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:lastgoodError\(\s*|\.code [!=]== )'([A-Z][A-Z_]+)'/g)]
      .filter(([, code = '']) => !codes.includes(code) && !/^(E[A-Z]+|ERR_[A-Z_]+)$/.test(code))
      .map(([, code = '']) => `${path}: ${code} is not in the table of errors`));
  return [...unused, ...unknown];
}

/** An error crosses a boundary whole (encodeError), and no part is cut out of its text: it is carried as a detail. */
export function errorTextOffences(files: readonly Source[]): string[] {
  const crosses = /\b(parentPort|tellParent|answerParent)\b/;
  return files.filter(isIn('src')).flatMap(({ path, text }) => linesOf(text).flatMap((line, index) => {
    const isCut = /\bmessage\)?\.(replace|slice|substring|split|match)\(/.test(line);
    const isSent = crosses.test(text) && /\bkind: '[^}]*(reasonOf\(|\.message\b)/.test(line);
    return isCut || isSent ? [`${path}:${index + 1}: ${isCut ? 'cuts' : 'sends'} the text of an error`] : [];
  }));
}

// Put together at run time, or this file would be the first offender.
const REGISTRY = ['https?:/', '[^/\\s"]*(registry|artifactory|nexus|verdaccio)[^/\\s"]*', ''].join('/');
const PRIVATE: readonly (readonly [RegExp, string])[] = [
  [new RegExp(['/(home|Users)', '[a-z]'].join('/')), 'the home path of somebody'],
  [new RegExp(['', 'root', '[a-z.]'].join('/')), 'the home path of root'],
  [new RegExp(['', 'work', '(main|shared)'].join('/')), 'the path of a working copy'],
  [new RegExp(REGISTRY, 'i'), 'the host of a registry'],
];

/** Nothing in the files belongs to one machine only. */
export function placeOffences(files: readonly Source[]): string[] {
  return files.flatMap(({ path, text }) =>
    PRIVATE.flatMap(([pattern, what]) => {
      const found = pattern.exec(text);
      return found === null ? [] : [`${path}:${text.slice(0, found.index).split('\n').length}: names ${what}`];
    }));
}
