/* gitops_servers.h - servers that a box's source is had from: a real sshd and a real https server,
 * on loopback.
 */
#ifndef TESTS_UNIT_ORCHESTRATOR_GITOPS_SERVERS_H
#define TESTS_UNIT_ORCHESTRATOR_GITOPS_SERVERS_H

#include "gitops_box.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

/* A server that was started; it ends with its standard input, or is killed. */
struct server {
    pid_t pid;
    int in_fd;
    unsigned port;
};

static inline bool has_program(const char *name)
{
    static const char *const dirs[] = { "/usr/bin", "/usr/sbin", "/usr/lib/git-core" };
    for (size_t i = 0; i < WC_COUNT(dirs); i++)
        if (access(wc_arena_printf(&box.arena, "%s/%s", dirs[i], name), X_OK) == 0)
            return true;
    return false;
}

static inline void need(const char *program)
{
    if (has_program(program))
        return;
    close_box();
    WC_SKIP(program);
}

static inline void end_server(struct server *server)
{
    int status;
    close(server->in_fd);
    kill(server->pid, SIGTERM);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
}

static inline struct server start_https(void)
{
    struct server server;
    int in[2], out[2];
    char line[16] = "";
    need("python3");
    need("git-http-backend");
    need("openssl");
    script("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
           "ca.key -out ca.crt -days 2"
           " -subj /CN=ca 2>/dev/null; openssl req -newkey ec -pkeyopt "
           "ec_paramgen_curve:prime256v1 -nodes -keyout server.key"
           " -out server.csr -subj /CN=server 2>/dev/null;"
           "echo 'subjectAltName=IP:127.0.0.1,IP:127.0.0.2' >ext; openssl x509 -req -in server.csr"
           " -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt"
           " 2>/dev/null; : >log");
    box.source.ca_file = in_box("ca.crt");
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    server.pid = fork();
    if (server.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl("/usr/bin/python3", "python3", WC_SOURCE_DIR "/tests/harness/git_https.py", box.root,
              (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server.in_fd = in[1];
    for (size_t n = 0; n < sizeof line - 1 && strchr(line, '\n') == NULL; n++)
        assert_int_equal(read(out[0], line + n, 1), 1);
    close(out[0]);
    int64_t port;
    line[strcspn(line, "\n")] = '\0';
    assert_true(wc_str_to_i64(line, 1, 65535, &port));
    server.port = (unsigned)port;
    return server;
}

static inline void use(const struct server *server, const char *path)
{
    box.source.url = wc_arena_printf(&box.arena, "https://127.0.0.1:%u/%s", server->port, path);
}

static inline const char *get(void)
{
    const char *dir = NULL;
    ok(fetch(NULL));
    ok(verify(NULL, false));
    ok(checkout(&dir));
    return dir;
}

static inline unsigned free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* sshd of our own: host key, users' keys and port in the box. It is at 127.0.0.2 as well, which
 * known_hosts doesn't know. */
static inline struct server start_sshd(void)
{
    struct server server = { .in_fd = -1, .port = free_port() };
    need("sshd");
    need("ssh");
    if (geteuid() == 0 && access("/run/sshd", F_OK) != 0)
        assert_int_equal(mkdir("/run/sshd", 0755), 0); /* as its service does */
    /* with that SHLVL bash doesn't read ~/.bashrc, where people start things that take seconds */
    script("for n in host other ann eve; do ssh-keygen -q -t ed25519 -N '' -C $n -f $n; done;"
           "cp ann.pub keys; chmod 755 .;"
           "printf '[127.0.0.1]:%u %%s\\n' \"$(cut -d' ' -f1,2 host.pub)\" >known_hosts;"
           "printf '[127.0.0.1]:%u %%s\\n' \"$(cut -d' ' -f1,2 other.pub)\" >others;"
           "printf 'Port %u\\nListenAddress 127.0.0.1\\nListenAddress 127.0.0.2\\nHostKey "
           "%s/host\\nStrictModes no\\n"
           "AuthorizedKeysFile %s/keys\\nPidFile none\\nUsePAM no\\nPermitRootLogin yes\\n"
           "AcceptEnv GIT_PROTOCOL\\nSetEnv SHLVL=5\\n' >sshd_config",
           server.port, server.port, server.port, box.root, box.root);
    server.pid = fork();
    if (server.pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 0);
        dup2(null, 2);
        execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", in_box("sshd_config"),
              (char *)NULL);
        _exit(127);
    }
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)server.port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < 600; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int rc = connect(fd, (struct sockaddr *)&at, sizeof at);
        close(fd);
        if (rc == 0)
            return server;
        usleep(50000);
    }
    fail_msg("sshd doesn't listen");
    return server;
}

#endif
