# One image, one duty per container: deskbell run smtp | imap | public | office | slack | worker.
FROM python:3.13-slim-bookworm

RUN useradd --system --create-home --home-dir /srv/desk desk
WORKDIR /opt/deskbell
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY .ci/install .ci/install
COPY intake intake
COPY kb kb
COPY channels channels
COPY graph graph
# The script that `make` and CI run, so it is known to work.
RUN .ci/install
ENV PATH=/opt/deskbell/.venv/bin:$PATH DESKBELL_DATA_DIR=/srv/desk/var DESKBELL_LOG_FORMAT=json
USER desk
WORKDIR /srv/desk
ENTRYPOINT ["deskbell"]
CMD ["up"]
