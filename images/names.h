/* names.h - media types and annotations we read and write (images, private).
 * Source: OCI Image Format Specification 1.0, media-types and annotations; Docker Image Manifest
 * V2.
 */
#ifndef IMAGES_NAMES_H
#define IMAGES_NAMES_H

#define WC_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define WC_TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define WC_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define WC_TYPE_LAYER "application/vnd.oci.image.layer.v1.tar"
#define WC_TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define WC_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define WC_TYPE_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

#define WC_NOTE_REF "org.opencontainers.image.ref.name"
#define WC_NOTE_CONTAINERD_NAME "io.containerd.image.name"
#define WC_NOTE_ID "wcompose.image.id"
#define WC_NOTE_LIST "wcompose.image.list"
#define WC_NOTE_RECIPE "wcompose.recipe.fingerprint"
#define WC_NOTE_PULLED "wcompose.image.pulled"

#endif
