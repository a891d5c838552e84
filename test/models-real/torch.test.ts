// The models of PyTorch by its default exporter.
import { proveGroups } from './groups.ts';

proveGroups('Models of PyTorch', ['torch', 'torch-2']);
