"""The transport seam, and its two sides: plain sockets, and TLS through OpenSSL.

1. A transport is chosen once per run. Its five operations return 0 or more on success and below 0
   a code: -errno (-EAGAIN: wait for the next edge), or a TLS code, see `tls_code`.
2. `recv` also says through `drained` whether the socket is empty for now. A short read proves that
   for a stream (epoll(7)); with read-ahead OpenSSL may still hold bytes, which it is asked for.
3. Sessions are kept for resumption, the newest per worker (TLS 1.2 and 1.3).
"""

from libc.errno cimport EAGAIN, EPIPE, errno
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport getenv
from libc.string cimport memcmp, memcpy, strlen, strncpy
from posix.unistd cimport R_OK, access

from fastbench.engine.block cimport CIPHER_BYTES, Slot
from fastbench.engine.kernel cimport close, recv, send
from fastbench.engine.proxy.tunnel cimport Steps, Tunnel

cdef extern from "<openssl/ssl.h>" nogil:
    ctypedef struct SSL
    ctypedef struct SSL_CTX
    ctypedef struct SSL_METHOD
    ctypedef struct SSL_SESSION
    ctypedef struct SSL_CIPHER
    ctypedef struct X509_VERIFY_PARAM
    int SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, SSL_ERROR_SYSCALL
    int SSL_VERIFY_NONE, SSL_VERIFY_PEER, SSL_FILETYPE_PEM, TLS1_2_VERSION
    int SSL_SESS_CACHE_CLIENT, SSL_SESS_CACHE_NO_INTERNAL
    long SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    int SSL_R_UNEXPECTED_EOF_WHILE_READING, SSL_R_CERTIFICATE_VERIFY_FAILED
    uint64_t OPENSSL_INIT_LOAD_SSL_STRINGS, OPENSSL_INIT_LOAD_CRYPTO_STRINGS
    int OPENSSL_init_ssl(uint64_t options, const void *settings)
    const SSL_METHOD *TLS_client_method()
    SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
    void SSL_CTX_free(SSL_CTX *context)
    int SSL_CTX_set_min_proto_version(SSL_CTX *context, int version)
    int SSL_CTX_set_max_proto_version(SSL_CTX *context, int version)
    int SSL_CTX_set_cipher_list(SSL_CTX *context, const char *names)
    void SSL_CTX_set_default_passwd_cb_userdata(SSL_CTX *context, void *password)
    void SSL_CTX_set_verify(SSL_CTX *context, int mode, void *callback)
    int SSL_CTX_set_default_verify_paths(SSL_CTX *context)
    int SSL_CTX_load_verify_locations(SSL_CTX *context, const char *file, const char *folder)
    int SSL_CTX_use_certificate_chain_file(SSL_CTX *context, const char *file)
    int SSL_CTX_use_PrivateKey_file(SSL_CTX *context, const char *file, int kind)
    int SSL_CTX_set_alpn_protos(SSL_CTX *context, const uint8_t *protocols, unsigned int n_bytes)
    int SSL_set_alpn_protos(SSL *ssl, const uint8_t *protocols, unsigned int n_bytes)
    void SSL_get0_alpn_selected(const SSL *ssl, const uint8_t **protocol, unsigned int *n_bytes)
    void SSL_CTX_set_read_ahead(SSL_CTX *context, int on)
    long SSL_CTX_set_mode(SSL_CTX *context, long mode)
    long SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode)
    void SSL_CTX_sess_set_new_cb(SSL_CTX *context, int (*callback)(SSL *, SSL_SESSION *) noexcept)
    int SSL_CTX_set_app_data(SSL_CTX *context, void *data)
    void *SSL_CTX_get_app_data(SSL_CTX *context)
    SSL *SSL_new(SSL_CTX *context)
    void SSL_free(SSL *ssl)
    SSL_CTX *SSL_get_SSL_CTX(const SSL *ssl)
    int SSL_set_fd(SSL *ssl, int fd)
    void SSL_set_connect_state(SSL *ssl)
    long SSL_set_tlsext_host_name(SSL *ssl, const char *name)
    X509_VERIFY_PARAM *SSL_get0_param(SSL *ssl)
    int SSL_set_session(SSL *ssl, SSL_SESSION *session)
    void SSL_SESSION_free(SSL_SESSION *session)
    int SSL_session_reused(const SSL *ssl)
    int SSL_do_handshake(SSL *ssl)
    int SSL_read(SSL *ssl, void *data, int n_bytes)
    int SSL_write(SSL *ssl, const void *data, int n_bytes)
    int SSL_has_pending(const SSL *ssl)
    int SSL_shutdown(SSL *ssl)
    void SSL_set_quiet_shutdown(SSL *ssl, int quiet)
    int SSL_get_error(const SSL *ssl, int result)
    long SSL_get_verify_result(const SSL *ssl)
    int SSL_version(const SSL *ssl)
    const SSL_CIPHER *SSL_get_current_cipher(const SSL *ssl)
    const char *SSL_CIPHER_get_name(const SSL_CIPHER *cipher)
    const char *SSL_CIPHER_standard_name(const SSL_CIPHER *cipher)

cdef extern from "<openssl/x509v3.h>" nogil:
    const char *X509_get_default_cert_file()
    const char *X509_get_default_cert_dir()
    const char *X509_get_default_cert_file_env()
    const char *X509_get_default_cert_dir_env()
    int X509_VERIFY_PARAM_set1_host(X509_VERIFY_PARAM *param, const char *name, size_t n_bytes)
    int X509_VERIFY_PARAM_set1_ip_asc(X509_VERIFY_PARAM *param, const char *address)

    const char *X509_verify_cert_error_string(long code)

cdef extern from "<openssl/err.h>" nogil:
    int ERR_LIB_SSL
    unsigned long ERR_PACK(int library, int function, int reason)
    const char *ERR_reason_error_string(unsigned long code)
    unsigned long ERR_peek_error()
    void ERR_clear_error()
    int ERR_GET_REASON(unsigned long code)

cdef enum:
    TLS_REASON = 100000         # tls codes: -(TLS_REASON + reason of OpenSSL's ERR_GET_REASON)
    TLS_VERIFY = 200000         # and -(TLS_VERIFY + X509_V_ERR_...) for a refused certificate
    SMALL_READ_BYTES = 8192

cdef struct Tls:
    SSL_CTX *context
    SSL_SESSION *session        # the newest one, to resume
    const char *servername
    bint verify
    bint name_is_address        # SNI carries no addresses (RFC 6066 section 3)
    int oldest                  # version, as TLS1_2_VERSION; 0: 1.2
    int newest                  # 0: the newest that OpenSSL has
    const char *ciphers         # up to 1.2, as SSL_CTX_set_cipher_list(3) reads them; NULL: its own
    const char *password        # of the key's file; NULL: none

cdef struct Passage:            # through a proxy, see `proxy.passage`
    const Tunnel *tunnel
    Steps steps
    Tls *tls                    # of the server
    uint64_t begun_ns           # when the proxy was connected to
    bint only_http1             # the server may choose nothing else

cdef struct Link:
    int fd
    SSL *ssl
    int version                 # since the handshake; both stay when the connection is closed
    const SSL_CIPHER *cipher
    Passage *passage            # NULL: the server is connected to, or answers as its proxy

cdef struct Transport:
    int (*open)(Tls *tls, Link *link) noexcept nogil
    int (*handshake)(Link *link, Slot *slot) noexcept nogil
    ssize_t (*recv)(Link *link, uint8_t *data, size_t n_bytes, bint *drained) noexcept nogil
    ssize_t (*send)(Link *link, const uint8_t *data, size_t n_bytes) noexcept nogil
    void (*close)(Link *link, bint orderly) noexcept nogil


cdef inline const char *reason(int code) noexcept nogil:
    """OpenSSL's words for a positive TLS code; may be NULL. The parent may not have loaded them."""
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL)
    if code >= TLS_VERIFY:
        return X509_verify_cert_error_string(code - TLS_VERIFY)
    return ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, code - TLS_REASON))


cdef inline int plain_open(Tls *tls, Link *link) noexcept nogil:
    return 0


cdef inline int plain_handshake(Link *link, Slot *slot) noexcept nogil:
    return 0


cdef inline ssize_t plain_recv(Link *link, uint8_t *data, size_t n_bytes,
                               bint *drained) noexcept nogil:
    cdef ssize_t n = recv(link.fd, data, n_bytes)
    drained[0] = n < <ssize_t>n_bytes
    return n


cdef inline ssize_t plain_send(Link *link, const uint8_t *data, size_t n_bytes) noexcept nogil:
    return send(link.fd, data, n_bytes)


cdef inline void plain_close(Link *link, bint orderly) noexcept nogil:
    close(link.fd)
    link.fd = -1


cdef inline int tls_code(SSL *ssl, int result) noexcept nogil:
    """What a failed OpenSSL call means, as a negative code; the error queue is left empty."""
    cdef int why = SSL_get_error(ssl, result)
    cdef int cause
    if why == SSL_ERROR_WANT_READ or why == SSL_ERROR_WANT_WRITE:
        return -EAGAIN
    if why == SSL_ERROR_ZERO_RETURN:
        return 0
    if why == SSL_ERROR_SYSCALL:
        cause = errno
        ERR_clear_error()
        return -cause if cause else -EPIPE
    cause = ERR_GET_REASON(ERR_peek_error())
    ERR_clear_error()
    if cause == SSL_R_CERTIFICATE_VERIFY_FAILED:
        return -(TLS_VERIFY + <int>SSL_get_verify_result(ssl))
    return -(TLS_REASON + cause)


cdef inline int tls_open(Tls *tls, Link *link) noexcept nogil:
    cdef X509_VERIFY_PARAM *param
    link.ssl = SSL_new(tls.context)
    if link.ssl == NULL:
        return -(TLS_REASON + ERR_GET_REASON(ERR_peek_error()))
    SSL_set_fd(link.ssl, link.fd)
    SSL_set_connect_state(link.ssl)
    if not tls.name_is_address:
        SSL_set_tlsext_host_name(link.ssl, tls.servername)
    if tls.verify:
        param = SSL_get0_param(link.ssl)
        if tls.name_is_address:
            X509_VERIFY_PARAM_set1_ip_asc(param, tls.servername)
        else:
            X509_VERIFY_PARAM_set1_host(param, tls.servername, 0)
    if tls.session != NULL:
        SSL_set_session(link.ssl, tls.session)
    return 0


cdef inline int tls_handshake(Link *link, Slot *slot) noexcept nogil:
    """One step; 0 when the handshake is complete."""
    cdef int result = SSL_do_handshake(link.ssl)
    if result != 1:
        result = tls_code(link.ssl, result)
        return result if result else -EPIPE
    slot.handshakes += 1
    slot.resumed += SSL_session_reused(link.ssl)
    link.version = SSL_version(link.ssl)
    link.cipher = SSL_get_current_cipher(link.ssl)
    slot.tls_version = link.version
    strncpy(slot.cipher, SSL_CIPHER_get_name(link.cipher), CIPHER_BYTES - 1)
    return 0


cdef inline ssize_t tls_recv(Link *link, uint8_t *data, size_t n_bytes,
                             bint *drained) noexcept nogil:
    """A small read with nothing pending means an empty socket: OpenSSL reads up to 16 KiB ahead,
    so had its last read filled that buffer, most of it would still be pending."""
    cdef int n = SSL_read(link.ssl, data, <int>n_bytes)
    if n > 0:
        drained[0] = n < SMALL_READ_BYTES and not SSL_has_pending(link.ssl)
        return n
    drained[0] = True
    return tls_code(link.ssl, n)


cdef inline ssize_t tls_send(Link *link, const uint8_t *data, size_t n_bytes) noexcept nogil:
    cdef int n = SSL_write(link.ssl, data, <int>n_bytes)
    if n > 0:
        return n
    n = tls_code(link.ssl, n)
    return n if n else -EPIPE


cdef inline void tls_close(Link *link, bint orderly) noexcept nogil:
    """With close_notify when nothing broke, and so that the session stays resumable."""
    if link.ssl != NULL:
        if orderly:
            SSL_shutdown(link.ssl)
            ERR_clear_error()
        SSL_free(link.ssl)
        link.ssl = NULL
    close(link.fd)
    link.fd = -1


cdef inline int keep_session(SSL *ssl, SSL_SESSION *session) noexcept nogil:
    """OpenSSL hands over a new session; returning 1 keeps the reference."""
    cdef Tls *tls = <Tls *>SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl))
    if tls.session != NULL:
        SSL_SESSION_free(tls.session)
    tls.session = session
    return 1


cdef inline bint http2_chosen(const Link *link) noexcept nogil:
    """The server chose HTTP/2 in the handshake (ALPN, RFC 7301; RFC 9113 section 3.2)."""
    cdef const uint8_t *protocol = NULL
    cdef unsigned int n_bytes = 0
    if link.ssl == NULL:
        return False
    SSL_get0_alpn_selected(link.ssl, &protocol, &n_bytes)
    return n_bytes == 2 and memcmp(protocol, <const char *>"h2", 2) == 0


cdef inline void offer_http1(Link *link) noexcept nogil:
    """Let the server choose nothing else on this connection, which was opened and does not yet
    shake hands; without TLS there is no choice."""
    if link.passage != NULL:
        link.passage.only_http1 = True      # TLS begins behind the proxy
    if link.ssl != NULL:
        SSL_set_alpn_protos(link.ssl, <const uint8_t *>"\x08http/1.1", 9)


cdef inline void offer(Tls *tls, const char *protocols) noexcept nogil:
    """Name those that the server may choose from, the preferred one first, with commas between.

    ALPN, RFC 7301 section 3.1: each goes with its length before it.
    """
    cdef uint8_t names[256]
    cdef size_t n_bytes = strlen(protocols)
    cdef size_t i, length_at = 0
    memcpy(&names[1], protocols, n_bytes)
    for i in range(1, n_bytes + 2):
        if i == n_bytes + 1 or names[i] == 44:
            names[length_at] = <uint8_t>(i - length_at - 1)
            length_at = i
    SSL_CTX_set_alpn_protos(tls.context, names, <unsigned int>n_bytes + 1)


cdef inline void trust_system(SSL_CTX *context) noexcept nogil:
    """Trust the authorities of this system, wherever its distribution keeps them.

    OpenSSL looks into the folder that it was built for. That of a wheel was built elsewhere: if
    neither its file nor its folder is here, the bundle of this distribution is read. Its places:
    Debian and Alpine, Fedora, openSUSE, older Red Hat.
    """
    cdef const char *bundles[4]
    cdef int each
    bundles[0] = b"/etc/ssl/certs/ca-certificates.crt"
    bundles[1] = b"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
    bundles[2] = b"/etc/ssl/ca-bundle.pem"
    bundles[3] = b"/etc/pki/tls/certs/ca-bundle.crt"
    SSL_CTX_set_default_verify_paths(context)
    if getenv(X509_get_default_cert_file_env()) or getenv(X509_get_default_cert_dir_env()):
        return
    if not access(X509_get_default_cert_file(), R_OK):
        return
    if not access(X509_get_default_cert_dir(), R_OK):
        return
    for each in range(4):
        if not access(bundles[each], R_OK):
            SSL_CTX_load_verify_locations(context, bundles[each], NULL)
            break
    ERR_clear_error()           # a bundle that cannot be read is found out by the handshake


cdef inline int set_up(Tls *tls, const char *protocols, const char *cafile, const char *certfile,
                       const char *keyfile) noexcept nogil:
    """Make the context; 0, or the negative code of the step that failed. "" names no file."""
    tls.context = SSL_CTX_new(TLS_client_method())
    if tls.context == NULL:
        return -(TLS_REASON + ERR_GET_REASON(ERR_peek_error()))
    SSL_CTX_set_min_proto_version(tls.context, tls.oldest if tls.oldest else TLS1_2_VERSION)
    SSL_CTX_set_max_proto_version(tls.context, tls.newest)
    if tls.ciphers != NULL and not SSL_CTX_set_cipher_list(tls.context, tls.ciphers):
        return -(TLS_REASON + ERR_GET_REASON(ERR_peek_error()))
    if tls.password != NULL:
        SSL_CTX_set_default_passwd_cb_userdata(tls.context, <void *>tls.password)
    SSL_CTX_set_verify(tls.context, SSL_VERIFY_PEER if tls.verify else SSL_VERIFY_NONE, NULL)
    SSL_CTX_set_read_ahead(tls.context, 1)
    SSL_CTX_set_mode(tls.context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
    offer(tls, protocols)
    SSL_CTX_set_session_cache_mode(tls.context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL)
    SSL_CTX_sess_set_new_cb(tls.context, keep_session)
    SSL_CTX_set_app_data(tls.context, tls)
    if cafile[0]:
        if not SSL_CTX_load_verify_locations(tls.context, cafile, NULL):
            return -(TLS_REASON + ERR_GET_REASON(ERR_peek_error()))
    elif tls.verify:
        trust_system(tls.context)
    if certfile[0] and not SSL_CTX_use_certificate_chain_file(tls.context, certfile):
        return -(TLS_REASON + ERR_GET_REASON(ERR_peek_error()))
    if keyfile[0] and not SSL_CTX_use_PrivateKey_file(tls.context, keyfile, SSL_FILETYPE_PEM):
        return -(TLS_REASON + ERR_GET_REASON(ERR_peek_error()))
    return 0


cdef inline void tear_down(Tls *tls) noexcept nogil:
    if tls.session != NULL:
        SSL_SESSION_free(tls.session)
    if tls.context != NULL:
        SSL_CTX_free(tls.context)


cdef inline void use_plain(Transport *out) noexcept nogil:
    out.open = plain_open
    out.handshake = plain_handshake
    out.recv = plain_recv
    out.send = plain_send
    out.close = plain_close


cdef inline void use_tls(Transport *out) noexcept nogil:
    out.open = tls_open
    out.handshake = tls_handshake
    out.recv = tls_recv
    out.send = tls_send
    out.close = tls_close
