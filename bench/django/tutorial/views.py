"""The views of the Django 3.1 async tutorial, and the hello of the benchmarks."""

import asyncio
import time

import httpx
from django.http import JsonResponse


def hello(request):
    return JsonResponse({"message": "Hello World!"})


def api(request):
    time.sleep(1)
    return JsonResponse({"message": "Hello World!", "task_id": request.GET.get("task_id")})


async def api_aggregated(request):
    started = time.perf_counter()
    base_url = request.build_absolute_uri("/sync/api/")
    async with httpx.AsyncClient() as client:
        responses = await asyncio.gather(
            *[client.get(f"{base_url}?task_id={task_id}") for task_id in range(10)]
        )
    elapsed = time.perf_counter() - started
    return JsonResponse({
        "responses": [response.json() for response in responses],
        "debug_message": f"fetch executed in {elapsed:.2f} seconds.",
    })
