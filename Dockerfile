# syntax=docker/dockerfile:1
# Two stages: the first builds, the second holds Python, tocsin and nothing that builds.
# How to build and run it: systemd/install.md.

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
