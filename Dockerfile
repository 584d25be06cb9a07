# syntax=docker/dockerfile:1
# Two stages: the first builds, the second holds Python, tocsin and nothing that builds.
#
#   docker build -t tocsin .
#
# In a directory of your own: write config/ and rules/, add a token (a daemon that listens on more than loopback
# needs one; without it, it says so and stops), and start.
#
#   docker run --rm --user "$(id -u)" -v "$PWD:/here" tocsin init /here
#   openssl rand -hex 32 >config/admin-token
#   cat >>config/tocsin.yaml <<'END'
#   tokens:
#     - {name: admin, token_file: admin-token, scopes: [ingest, read, respond, admin]}
#   END
#   docker run --detach --name tocsin --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v tocsin:/var/lib/tocsin -v "$PWD/config:/etc/tocsin/config:ro" -v "$PWD/rules:/etc/tocsin/rules:ro" \
#     -e TOCSIN_LISTEN=0.0.0.0:9099 -p 127.0.0.1:9099:9099 tocsin
#
# Once `docker ps` says (healthy), rehearse the way from the webhook to the page; `docker logs tocsin` has the page.
#
#   docker exec -e TOCSIN_TOKEN_FILE=/etc/tocsin/config/admin-token tocsin tocsin drill

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY . .
# The one step that installs anything; CI runs the same script (tests/house/test_install.py).
RUN .ci/install /opt/tocsin

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 9099 --home-dir /var/lib/tocsin --create-home --shell /usr/sbin/nologin tocsin
COPY --from=build /opt/tocsin /opt/tocsin
# What is shipped serves until something is mounted over it.
RUN /opt/tocsin/bin/tocsin init /etc/tocsin
ENV PATH=/opt/tocsin/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TOCSIN_STORE_URL=sqlite:////var/lib/tocsin/tocsin.db
USER tocsin
WORKDIR /var/lib/tocsin
VOLUME /var/lib/tocsin
EXPOSE 9099
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9099/-/healthy', timeout=4)"]
ENTRYPOINT ["tocsin"]
CMD ["serve", "--config", "/etc/tocsin/config", "--rules", "/etc/tocsin/rules"]
