# Three images from one build:
#
#   docker build --target collector --tag REGISTRY/emp-cost-collector:0.1.0 .    the collector alone, for every cluster
#   docker build --target service   --tag REGISTRY/emp-cost-service:0.1.0 .      the reporting service alone
#   docker build --target emp-cost  --tag REGISTRY/emp-cost:0.1.0 .              everything: doctor, run, lake and so on
#
# Add `--platform linux/arm64` or `linux/amd64` for another machine's; docs/images.md has the rest. No image has a
# shell or a package manager: the base holds glibc, certificate authorities and time zones.

# In step with rust-toolchain.toml, which a test compares.
ARG RUST=1.95.0
# Both of the same Debian, so that the program finds the glibc it was linked with, and by digest, so that a tag that moves
# changes nothing; docs/images.md says how to take newer ones.
ARG BUILD_IMAGE=docker.io/library/rust:1.95.0-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f

FROM ${BUILD_IMAGE} AS build
ARG RUST
ARG CARGO_AUDITABLE=0.7.7
# The image's toolchain is the pinned one; nothing is downloaded but crates.
ENV RUSTUP_TOOLCHAIN=${RUST} \
    CARGO_PROFILE_RELEASE_STRIP=symbols \
    CARGO_INCREMENTAL=0
# The list of dependencies goes into the programs themselves, where scanners of images find it.
RUN cargo install --locked --version ${CARGO_AUDITABLE} cargo-auditable
WORKDIR /src
COPY . .
# No path of the machine that builds, and no time of day, gets into the programs.
ARG SOURCE_DATE_EPOCH=0
ARG RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"
# One after the other: each program gets the features it needs and no other.
RUN cargo auditable build --locked --release --package emp-cost-collector --bin emp-cost-collector \
    && cargo auditable build --locked --release --package emp-cost-serve --bin emp-cost-service \
    && cargo auditable build --locked --release --package emp-cost --bin emp-cost

FROM ${BASE_IMAGE} AS collector
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="emp-cost-collector" \
      org.opencontainers.image.description="Collects what an EKS cluster uses from its Prometheus into Parquet on S3." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build --chown=0:0 --chmod=0555 /src/target/release/emp-cost-collector /emp-cost-collector
# One arena for all threads: what one thread frees, another uses again, so that many hours in a row hold what one does.
ENV MALLOC_ARENA_MAX=1
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["/emp-cost-collector"]

FROM ${BASE_IMAGE} AS service
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="emp-cost-service" \
      org.opencontainers.image.description="Reports and costs of EKS clusters for people who sign in, and a door for collectors." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build --chown=0:0 --chmod=0555 /src/target/release/emp-cost-service /emp-cost-service
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/emp-cost-service"]

FROM ${BASE_IMAGE} AS emp-cost
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="emp-cost" \
      org.opencontainers.image.description="What an EKS cluster costs, and what an elastic machine pool would: doctor, collect, analyze, report." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build --chown=0:0 --chmod=0555 /src/target/release/emp-cost /emp-cost
USER 65532:65532
ENTRYPOINT ["/emp-cost"]
