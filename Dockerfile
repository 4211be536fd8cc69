# Two images of the running system:
#
#   docker build --target cpu --tag handoff:cpu .
#   docker build --target gpu --tag handoff:gpu .     # NVIDIA, CUDA 13
#
# A container runs one role; docs/operations.md has the rest.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm
# TensorRT of requirements-gpu.txt is built for CUDA 13. Python 3.12 is Ubuntu 24.04's own.
ARG CUDA_VERSION=13.0.1
ARG CUDA_SYSTEM=ubuntu24.04

# ── what both have in common: the code, a user without rights, a folder for models ─────────────

FROM scratch AS code
COPY run_pipeline.py LICENSE /opt/handoff/
COPY scripts/healthcheck.py /opt/handoff/scripts/
COPY calibration /opt/handoff/calibration
COPY engines /opt/handoff/engines
COPY pipeline /opt/handoff/pipeline

# ── cpu ────────────────────────────────────────────────────────────────────────────────────────

FROM ${PYTHON_IMAGE} AS cpu-packages
RUN python -m venv /opt/venv
WORKDIR /build
COPY requirements-runtime.txt ./
RUN /opt/venv/bin/python -m pip install --no-cache-dir --requirement requirements-runtime.txt
COPY scripts/fix_opencv.py scripts/
RUN /opt/venv/bin/python scripts/fix_opencv.py

FROM ${PYTHON_IMAGE} AS cpu
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent handoff \
    && install --directory --owner=handoff --group=handoff /var/cache/handoff
COPY --from=cpu-packages /opt/venv /opt/venv
COPY --from=code /opt/handoff /opt/handoff
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HANDOFF_CACHE=/var/cache/handoff
WORKDIR /opt/handoff
USER handoff
VOLUME /var/cache/handoff
# A node answers once its networks are loaded, after their first download at the latest.
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=120s \
    CMD ["python", "scripts/healthcheck.py"]
ENTRYPOINT ["python", "run_pipeline.py", "--cameras", "/etc/handoff/cams.yaml"]
CMD ["--role", "node"]

# ── gpu ────────────────────────────────────────────────────────────────────────────────────────

FROM nvidia/cuda:${CUDA_VERSION}-devel-${CUDA_SYSTEM} AS gpu-packages
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        g++ python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
WORKDIR /build
COPY requirements-runtime.txt requirements-gpu.txt ./
# PyCUDA is compiled here: it needs CUDA's headers, which the image that runs does not have.
RUN /opt/venv/bin/python -m pip install --no-cache-dir \
        --requirement requirements-runtime.txt --requirement requirements-gpu.txt
COPY scripts/fix_opencv.py scripts/
RUN /opt/venv/bin/python scripts/fix_opencv.py

FROM nvidia/cuda:${CUDA_VERSION}-runtime-${CUDA_SYSTEM} AS gpu
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent handoff \
    && install --directory --owner=handoff --group=handoff /var/cache/handoff
COPY --from=gpu-packages /opt/venv /opt/venv
COPY --from=code /opt/handoff /opt/handoff
# `video` is what decoding on the GPU needs.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HANDOFF_CACHE=/var/cache/handoff \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
WORKDIR /opt/handoff
USER handoff
VOLUME /var/cache/handoff
# Compiling the engines, once per model of GPU, takes minutes.
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=900s \
    CMD ["python", "scripts/healthcheck.py"]
ENTRYPOINT ["python", "run_pipeline.py", "--cameras", "/etc/handoff/cams.yaml"]
CMD ["--role", "node"]
