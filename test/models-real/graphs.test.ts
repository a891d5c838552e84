// Every data type, every form of output, and graphs that mix their rows.
import { proveGroups } from './groups.ts';

proveGroups('Graphs written node by node', ['types', 'graphs', 'mixing']);
