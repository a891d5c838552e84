// The models of LightGBM, XGBoost and CatBoost, and the quantised ones.
import { proveGroups } from './groups.ts';

proveGroups('Boosted trees and quantised models', ['boosting', 'quantised']);
