// OpenSSL for Swift: its headers, and functions for the macros that Swift cannot import.
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

static inline long copenssl_set_host_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }
static inline long copenssl_ctx_set_min_version(SSL_CTX *ctx, int v) { return SSL_CTX_set_min_proto_version(ctx, v); }
static inline long copenssl_ctx_set_mode(SSL_CTX *ctx, long mode) { return SSL_CTX_set_mode(ctx, mode); }
static inline void copenssl_set_mode(SSL *ssl, long mode) { SSL_set_mode(ssl, mode); }
static inline void copenssl_clear_mode(SSL *ssl, long mode) { SSL_clear_mode(ssl, mode); }
static inline long copenssl_ctx_set_cache_mode(SSL_CTX *ctx, long m) { return SSL_CTX_set_session_cache_mode(ctx, m); }
static inline void copenssl_bio_clear_retry(BIO *b) { BIO_clear_retry_flags(b); }
static inline void copenssl_bio_retry_read(BIO *b) { BIO_set_retry_read(b); }
static inline void copenssl_bio_retry_write(BIO *b) { BIO_set_retry_write(b); }

#endif
