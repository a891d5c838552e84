// The models of scikit-learn: regressions, missing values, clusters, texts and text columns.
import { proveGroups } from './groups.ts';

proveGroups('Regressions, texts and columns of scikit-learn', ['sklearn-2']);
