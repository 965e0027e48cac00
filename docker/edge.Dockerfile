# Made by scripts/compose from the declared settings: change those, not this.
# docker build --file docker/edge.Dockerfile --tag tailorbird-edge .
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY locks/build.txt locks/edge.txt locks/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement locks/build.txt \
 && /venv/bin/pip install --no-cache-dir --require-hashes --requirement locks/edge.txt
COPY pyproject.toml README.md LICENSE tailorbird.py ./
COPY api api
COPY cli cli
COPY models models
COPY snippet/dist snippet/dist
COPY snippet/package.json snippet/
COPY streams streams
COPY supervisor supervisor
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM build AS compiled
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
COPY locks/compile.txt locks/
RUN /venv/bin/pip install --no-cache-dir --require-hashes --requirement locks/compile.txt
COPY scripts/compile.py scripts/
RUN /venv/bin/python scripts/compile.py edge . /compiled

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --uid 10001 tailorbird && install --directory --owner tailorbird /data
COPY --from=build /venv /venv
COPY --from=compiled /compiled /venv/lib/python3.11/site-packages
RUN ["/venv/bin/python", "-I", "-c", "import api.edge.hot.shortcut, api.edge.deciding as made; assert made.__file__.endswith('.so'), made.__file__"]
USER tailorbird
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 TAILORBIRD_HOST=0.0.0.0 TAILORBIRD_DATA_DIR=/data
VOLUME /data
EXPOSE 8701
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8701/readyz', timeout=2)"]
ENTRYPOINT ["tailorbird"]
CMD ["edge"]
