// The models of scikit-learn: classifiers.
import { proveGroups } from './groups.ts';

proveGroups('Classifiers of scikit-learn', ['sklearn']);
