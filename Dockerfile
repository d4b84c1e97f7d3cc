# Penstock and all that it needs to run as a service; docker-compose.yml says which parts run.

FROM python:3.11.14-slim-bookworm AS build
RUN python -m venv /opt/penstock
ENV PATH=/opt/penstock/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements-service.lock ./
RUN pip install --require-hashes --only-binary :all: --requirement requirements-service.lock --constraint requirements-service.lock
COPY pyproject.toml README.md ./
COPY config config
COPY transforms transforms
COPY storage storage
COPY serving serving
COPY pipelines pipelines
RUN pip install --no-deps --no-build-isolation --no-index .

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --create-home penstock && install -d -o penstock /srv/penstock /home/penstock/.prefect /home/penstock/.prefect/concurrency_leases
COPY --from=build /opt/penstock /opt/penstock
ENV PATH=/opt/penstock/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONTZPATH= \
    DO_NOT_TRACK=1 \
    PREFECT_HOME=/home/penstock/.prefect \
    PREFECT_RESULTS_DEFAULT_SERIALIZER=json \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    PREFECT_SERVER_CSRF_PROTECTION_ENABLED=true \
    PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT=false \
    PREFECT_SERVER_UI_STATIC_DIRECTORY=/home/penstock/.prefect/ui \
    PREFECT_SERVER_UI_V2_ENABLED=false
USER penstock
WORKDIR /srv/penstock
# The decoder, compiled once for all containers.
RUN python -c 'from transforms.decode.kernel.library import kernel; kernel()'
ENTRYPOINT ["penstock"]
