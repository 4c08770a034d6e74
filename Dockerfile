FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/avalon
COPY scripts/requirements.lock scripts/
RUN sed '/^# Only for tests and checks/,$d' scripts/requirements.lock > service.lock \
    && /opt/avalon/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r service.lock
COPY pyproject.toml LICENSE ./
COPY avalon avalon
COPY sql sql
COPY static static
RUN /opt/avalon/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --user-group --home-dir /srv/avalon --shell /usr/sbin/nologin avalon \
    && mkdir -p /srv/avalon/logs /srv/avalon/.avalon \
    && chown -R avalon:avalon /srv/avalon
COPY --from=build /opt/avalon /opt/avalon
ENV PATH=/opt/avalon/bin:$PATH
ENV PYTHONUNBUFFERED=1
ENV AVALON_HOST=0.0.0.0
WORKDIR /srv/avalon
USER avalon
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + (os.environ.get('AVALON_PORT') or '4000') + '/health/ready', timeout=2)"]
CMD ["avalon", "serve"]
