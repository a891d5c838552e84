"""Calls a running lastgood through the official Python client, as its users do: no call is changed for lastgood.

Usage: tritonclient_check.py HOST:PORT. Prints a line for each check; the exit code is 1 when one failed.
"""
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

URL = sys.argv[1]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def tensor(name, array, datatype, binary):
    one = triton.InferInput(name, list(array.shape), datatype)
    one.set_data_from_numpy(array, binary_data=binary)
    return one


def ask(client, model, name, array, datatype, binary=True, output="output0", output_binary=True, **more):
    wanted = [triton.InferRequestedOutput(output, binary_data=output_binary)]
    return client.infer(model, [tensor(name, array, datatype, binary)], outputs=wanted, **more)


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return error
    raise AssertionError("the call was not refused")


@check
def health_and_readiness(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("simple") and client.is_model_ready("simple", "1")
    assert not client.is_model_ready("nothing") and not client.is_model_ready("simple", "7")


@check
def server_metadata(client):
    metadata = client.get_server_metadata()
    assert metadata["name"] == "lastgood" and "binary_tensor_data" in metadata["extensions"], metadata


@check
def model_metadata_and_config(client):
    metadata = client.get_model_metadata("simple")
    assert [one["name"] for one in metadata["inputs"]] == ["INPUT0", "INPUT1"], metadata
    assert metadata["inputs"][0]["datatype"] == "INT32" and metadata["versions"] == ["1"], metadata
    config = client.get_model_config("simple", "1")
    assert config["input"][0]["data_type"] == "TYPE_INT32" and config["max_batch_size"] > 0, config


@check
def json_and_binary_tensors_in_all_four_ways(client):
    one, two = np.arange(16, dtype=np.int32).reshape(1, 16), np.full((1, 16), 3, dtype=np.int32)
    for binary_in in (False, True):
        for binary_out in (False, True):
            inputs = [tensor("INPUT0", one, "INT32", binary_in), tensor("INPUT1", two, "INT32", binary_in)]
            outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("OUTPUT0", "OUTPUT1")]
            result = client.infer("simple", inputs, outputs=outputs, request_id="a 7")
            assert np.array_equal(result.as_numpy("OUTPUT0"), one + two)
            assert np.array_equal(result.as_numpy("OUTPUT1"), one - two)
            response = result.get_response()
            assert response["id"] == "a 7" and response["model_version"] == "1", response
            assert ("data" in result.get_output("OUTPUT0")) != binary_out


@check
def outputs_that_nobody_listed(client):
    ones = np.ones((2, 16), dtype=np.int32)
    result = client.infer("simple", [tensor("INPUT0", ones, "INT32", True), tensor("INPUT1", ones, "INT32", True)])
    assert np.array_equal(result.as_numpy("OUTPUT0"), ones + ones)


@check
def every_numeric_datatype(client):
    types = {"FP32": np.float32, "FP64": np.float64, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32,
             "INT64": np.int64, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64}
    for name, dtype in types.items():
        if np.issubdtype(dtype, np.integer):
            limits = np.iinfo(dtype)
            array = np.array([[limits.min, limits.max, 1], [0, 2, limits.max - 1]], dtype=dtype)
        else:
            array = np.array([[0.1, -1.5, 1e-30], [3.25, 1e30, 2.0**-40]], dtype=dtype)
        for binary in (False, True):
            result = ask(client, f"identity_{name}", "input0", array, name, binary=binary, output_binary=binary)
            found = result.as_numpy("output0")
            assert found.dtype == dtype and np.array_equal(found, array), (name, binary, found)


@check
def truth_values(client):
    array = np.array([[True, False, True]])
    for binary in (False, True):
        result = ask(client, "identity_BOOL", "input0", array, "BOOL", binary=binary, output_binary=binary)
        assert np.array_equal(result.as_numpy("output0"), array)


@check
def halves(client):
    array = np.array([[[0.5, -2.0, 65504.0]]], dtype=np.float16)
    result = ask(client, "onnx_zero_1_float16", "INPUT0", array, "FP16", output="OUTPUT0")
    assert result.as_numpy("OUTPUT0").dtype == np.float16 and np.array_equal(result.as_numpy("OUTPUT0"), array)


@check
def texts_as_json_and_binary(client):
    array = np.array([["", "one", "größer", "\U0001f600", "a\"\\\n"]], dtype=object)
    for binary in (False, True):
        result = ask(client, "identity_BYTES", "input0", array, "BYTES", binary=binary, output_binary=binary)
        found = [one.decode() if isinstance(one, bytes) else one for one in result.as_numpy("output0").flatten()]
        assert found == list(array.flatten()), found


@check
def numbers_that_are_none(client):
    array = np.array([[np.nan, np.inf, -np.inf]], dtype=np.float32)
    for binary in (False, True):
        result = ask(client, "identity_FP32", "input0", array, "FP32", binary=binary, output_binary=binary)
        assert np.array_equal(result.as_numpy("output0"), array, equal_nan=True), binary


@check
def compressed_requests_and_answers(client):
    array = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    for request in (None, "gzip", "deflate"):
        for response in (None, "gzip", "deflate"):
            for binary in (False, True):
                result = ask(client, "identity_FP32", "input0", array, "FP32", binary=binary, output_binary=binary,
                             request_compression_algorithm=request, response_compression_algorithm=response)
                assert np.array_equal(result.as_numpy("output0"), array), (request, response, binary)


@check
def asynchronous_requests(client):
    arrays = [np.full((1, 4), number, dtype=np.float32) for number in range(32)]
    wanted = [triton.InferRequestedOutput("output0", binary_data=True)]
    requests = [client.async_infer("identity_FP32", [tensor("input0", one, "FP32", True)], outputs=wanted)
                for one in arrays]
    for request, array in zip(requests, arrays):
        assert np.array_equal(request.get_result().as_numpy("output0"), array)


@check
def asyncio_client(_):
    import asyncio

    async def run():
        async with triton_aio.InferenceServerClient(URL) as client:
            assert await client.is_server_ready()
            array = np.ones((1, 4), dtype=np.float32)
            results = await asyncio.gather(*[
                client.infer("identity_FP32", [tensor("input0", array, "FP32", True)]) for _ in range(8)])
            assert all(np.array_equal(result.as_numpy("output0"), array) for result in results)

    asyncio.run(run())


@check
def clients_in_threads(_):
    def run(number):
        client = triton.InferenceServerClient(URL)
        array = np.full((1, 8), number, dtype=np.int64)
        found = [ask(client, "identity_INT64", "input0", array, "INT64").as_numpy("output0") for _ in range(10)]
        client.close()
        return all(np.array_equal(one, array) for one in found)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))


@check
def request_parameters(client):
    array = np.ones((1, 4), dtype=np.float32)
    ask(client, "identity_FP32", "input0", array, "FP32", priority=1, timeout=5_000_000, parameters={"mine": "yes"})
    error = refusal(lambda: ask(client, "identity_FP32", "input0", array, "FP32", parameters={"triton_mine": 1}))
    assert "triton_" in str(error), error


@check
def errors_have_a_status_and_a_text(client):
    array = np.ones((1, 4), dtype=np.float32)
    cases = {
        "404": [lambda: client.get_model_metadata("nothing"),
                lambda: ask(client, "nothing", "input0", array, "FP32"),
                lambda: ask(client, "identity_FP32", "input0", array, "FP32", model_version="9"),
                lambda: client.get_inference_statistics("nothing")],
        "400": [lambda: ask(client, "identity_FP32", "wrong", array, "FP32"),
                lambda: ask(client, "identity_FP32", "input0", array.astype(np.int32), "INT32"),
                lambda: ask(client, "identity_FP32", "input0", np.ones((4,), dtype=np.float32), "FP32"),
                lambda: ask(client, "identity_FP32", "input0", array, "FP32", output="wrong")],
    }
    for status, calls in cases.items():
        for call in calls:
            error = refusal(call)
            assert status in str(error.status()) and len(error.message()) > 20, (status, error)


@check
def statistics(client):
    def successes():
        found = client.get_inference_statistics("identity_FP32", "1")["model_stats"][0]
        return found["inference_stats"]["success"]["count"], found["inference_count"], found["execution_count"]

    before = successes()
    ask(client, "identity_FP32", "input0", np.ones((3, 4), dtype=np.float32), "FP32")
    after = successes()
    assert [b - a for a, b in zip(before, after)] == [1, 3, 1], (before, after)
    assert len(client.get_inference_statistics()["model_stats"]) > 10


@check
def repository_index_unload_and_load(client):
    def state():
        return [one["state"] for one in client.get_model_repository_index() if one["name"] == "dummy"]

    assert state() == ["READY"]
    client.unload_model("dummy")
    assert state() == ["UNAVAILABLE"] and not client.is_model_ready("dummy")
    client.load_model("dummy")
    assert state() == ["READY"] and client.is_model_ready("dummy")
    assert "404" in str(refusal(lambda: client.load_model("nothing")).status())


@check
def load_of_a_model_that_is_sent_along(client):
    with open(sys.argv[2], "rb") as file:
        client.load_model("sent", config="{}", files={"file:1/model.onnx": file.read()})
    assert client.is_model_ready("sent", "1")
    client.unload_model("sent")


def main():
    client = triton.InferenceServerClient(URL, concurrency=8)
    failed = 0
    for one in CHECKS:
        try:
            one(client)
            print(f"  ok      {one.__name__.replace('_', ' ')}", flush=True)
        except Exception:  # Whatever it was, the other checks still say something.
            failed += 1
            print(f"  FAILED  {one.__name__.replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
    client.close()
    print(f"tritonclient: {len(CHECKS) - failed} of {len(CHECKS)} checks passed")
    sys.exit(1 if failed else 0)


main()
