// What the bodies of prediction requests look like. The workers read them with scanners of their own, for speed; a test
// holds both against each other: nothing that a scanner takes is refused by its schema. Pure.
import { z } from 'zod';
import { DATATYPES } from '../../domain/datatype.ts';

/** Most of them by the model, which a schema does not know: it is necessary that a body fits, not enough. */
const element = z.union([z.number(), z.string(), z.boolean(), z.null()]);

/** One value, or arrays of them, nested as deep as the tensor has dimensions. */
const values: z.ZodType = z.lazy(() => z.union([element, z.array(values)]))
  .meta({
    id: 'Values',
    description: 'one value, or arrays of values, nested or flat in row-major order; null is a missing number, NaN, ' +
      'where the model takes floating-point numbers',
  });

const row = z.union([values, z.record(z.string(), values)])
  .meta({ id: 'Row', description: 'the values of the one input, or an object of those of all inputs by name' });

export const predictBody = z.union([
  z.looseObject({ features: row, instances: z.never().optional() }),
  z.looseObject({ instances: z.array(row).min(1), features: z.never().optional() }),
]).meta({ id: 'PredictRequest', description: '"features": one row, or "instances": several' });

export const datatype = z.enum(DATATYPES).meta({ id: 'Datatype' });

const tfsElement = z.union([element, z.strictObject({ b64: z.string() })]);
const tfsValue: z.ZodType = z.lazy(() => z.union([tfsElement, z.array(tfsValue)]))
  .meta({ id: 'TfsValue', description: 'a value, or arrays of them, nested as the tensor is; bytes as {"b64": …}' });
const tfsMember = z.union([tfsValue, z.record(z.string(), tfsValue)])
  .meta({ id: 'TfsMember', description: 'the value of the one input, or an object of those of all inputs by name' });
const signature_name = z.enum(['serving_default', '']).optional();

export const tfsBody = z.union([
  z.looseObject({ signature_name, instances: z.array(tfsMember).min(1), inputs: z.never().optional() }),
  z.looseObject({ signature_name, inputs: tfsMember, instances: z.never().optional() }),
]).meta({ id: 'TfsRequest', description: '"instances": row by row, or "inputs": whole tensors' });

const PARAMETER_KEY = /^(?!triton_|shared_memory_)/;
const count = z.int().min(0).nullish();

function parameters(known: z.ZodRawShape): z.ZodType {
  const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
  return z.object(known).catchall(scalar)
    .refine((all) => Object.keys(all).every((key) => PARAMETER_KEY.test(key)), 'a parameter has a reserved name')
    .meta({ propertyNames: { pattern: PARAMETER_KEY.source } })
    .nullish();
}

const inputTensor = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  datatype,
  parameters: parameters({
    binary_data_size: z.int().min(0).optional()
      .meta({ description: 'length of the raw bytes of this input, which follow the JSON' }),
  }),
  data: z.union([z.array(values), z.null()]).optional()
    .meta({ description: 'the values; left out when they follow as raw bytes' }),
}).meta({ id: 'InputTensor' });

const outputRequest = z.looseObject({
  name: z.string(),
  parameters: parameters({ binary_data: z.boolean().nullish(), classification: z.literal(0).nullish() }),
}).meta({ id: 'OutputRequest' });

export const inferBody = z.looseObject({
  id: z.union([z.string().max(1_024), z.int(), z.null()]).optional(),
  parameters: parameters({
    timeout: count.meta({ description: 'microseconds that the client is ready to wait' }),
    priority: count,
    binary_data_output: z.boolean().nullish()
      .meta({ description: 'outputs that say nothing themselves come as raw bytes' }),
  }),
  inputs: z.array(inputTensor).optional().meta({ description: 'left out only by models without inputs' }),
  outputs: z.array(outputRequest).nullish().meta({ description: 'all outputs when none is listed' }),
}).meta({ id: 'InferRequest' });
