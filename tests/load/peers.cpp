#include "tests/load/peers.hpp"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/fd.hpp"

namespace fanlight::load {
namespace {

std::uint16_t free_port() {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

/// The path of a program, empty where it is not installed.
std::string found(const std::string& name) {
  for (const char* directory : {"/usr/sbin/", "/usr/bin/", "/usr/local/bin/"})
    if (::access((directory + name).c_str(), X_OK) == 0) return directory + name;
  return {};
}

/// 0 when the command succeeds; its words go to a file.
int run_quietly(const std::string& command, const std::filesystem::path& log) {
  return std::system((command + " >" + log.string() + " 2>&1").c_str());
}

constexpr const char* kNodeServer = R"(
const http = require('http');
const { WebSocketServer } = require('ws');
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => { send(body); response.writeHead(request.url === '/pub' ? 200 : 404); response.end('ok'); });
});
const sockets = new WebSocketServer({ server, handleProtocols: (wanted) => (wanted.has('fan') ? 'fan' : false) });
const send = (text) => sockets.clients.forEach((socket) => { if (socket.readyState === 1) socket.send(text); });
sockets.on('connection', (socket) => socket.on('message', (data) => send(data.toString())));
server.listen(Number(process.argv[2]), '127.0.0.1');
)";

}  // namespace

Peer::~Peer() {
  // Asked first: nginx, when killed, leaves its worker behind.
  if (child_) {
    child_->signal(SIGTERM);
    child_->wait_for(std::chrono::seconds(5));
  }
  child_.reset();
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

void Peer::make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "fanlight-peer-XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) directory_ = name;
}

/// For localhost and 127.0.0.1, signed by itself.
bool Peer::make_certificate() {
  const std::string directory = directory_.string();
  if (run_quietly("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
                  "'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout " +
                      directory + "/key.pem -out " + directory + "/cert.pem",
                  directory_ / "openssl.log") == 0)
    return true;
  why_not_ = "openssl made no certificate";
  return false;
}

void Peer::write(const std::string& name, const std::string& text) const { std::ofstream(directory_ / name) << text; }

void Peer::start(std::vector<std::string> command, const std::string& package) {
  command.front() = found(command.front());
  if (command.front().empty()) {
    why_not_ = package + " is not installed; scripts/setup installs it";
    return;
  }
  child_ = std::make_unique<testing::Child>(std::move(command));
  for (int i = 0; i < 1000 && child_->running(); ++i) {
    if (listens(port_)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  why_not_ = package + " did not start: " + child_->err() + child_->out();
}

Peer Peer::redis(const std::string& password) {
  Peer peer;
  peer.port_ = free_port();
  std::vector<std::string> command{
      "redis-server", "--port", std::to_string(peer.port_), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"};
  if (!password.empty()) command.insert(command.end(), {"--requirepass", password});
  peer.start(std::move(command), "redis-server");
  return peer;
}

Peer Peer::nats(const std::string& token) {
  Peer peer;
  peer.port_ = free_port();
  std::vector<std::string> command{"nats-server", "-a", "127.0.0.1", "-p", std::to_string(peer.port_)};
  if (!token.empty()) command.insert(command.end(), {"--auth", token});
  peer.start(std::move(command), "nats-server");
  return peer;
}

Peer Peer::nats_tls() {
  Peer peer;
  peer.make_directory();
  if (!peer.make_certificate()) return peer;
  peer.port_ = free_port();
  const std::string directory = peer.directory_.string();
  peer.start({"nats-server", "-a", "127.0.0.1", "-p", std::to_string(peer.port_), "--tls", "--tlscert",
              directory + "/cert.pem", "--tlskey", directory + "/key.pem"},
             "nats-server");
  return peer;
}

Peer Peer::nginx() {
  Peer peer;
  peer.make_directory();
  peer.port_ = free_port();
  peer.tls_port_ = free_port();
  const std::string directory = peer.directory_.string();
  if (::access("/usr/lib/nginx/modules/ngx_nchan_module.so", R_OK) != 0) {
    peer.why_not_ = "libnginx-mod-nchan is not installed; scripts/setup installs it";
    return peer;
  }
  if (!peer.make_certificate()) return peer;
  const std::string locations = R"(
    location ~ ^/sub/(\w+)$ { nchan_subscriber; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/pub/(\w+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 100; }
    location = /html { default_type text/html; return 200 "no stream"; }
    location = /old { return 410; }
)";
  peer.write("nginx.conf",
             "load_module /usr/lib/nginx/modules/ngx_nchan_module.so;\ndaemon off;\nworker_processes 1;\npid " +
                 directory +
                 "/pid;\nerror_log stderr;\nevents { worker_connections 4096; }\nhttp {\n access_log off;\n"
                 " client_body_temp_path " +
                 directory + "/body; proxy_temp_path " + directory + "/proxy; fastcgi_temp_path " + directory +
                 "/fastcgi; uwsgi_temp_path " + directory + "/uwsgi; scgi_temp_path " + directory +
                 "/scgi;\n server { listen 127.0.0.1:" + std::to_string(peer.port_) + ";" + locations +
                 " }\n server { listen 127.0.0.1:" + std::to_string(peer.tls_port_) +
                 " ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;" + locations + " }\n}\n");
  std::vector<std::string> command{"nginx", "-p", directory, "-c", directory + "/nginx.conf"};
  if (::geteuid() == 0) command.insert(command.end(), {"-g", "user root;"});
  peer.start(std::move(command), "nginx");
  return peer;
}

Peer Peer::node_ws() {
  Peer peer;
  peer.port_ = free_port();
  if (found("npm").empty() || found("node").empty()) {
    peer.why_not_ = "node and npm are not installed; scripts/setup installs them";
    return peer;
  }
  // Kept between runs: the registry is asked once.
  const std::filesystem::path home = std::filesystem::path(FANLIGHT_BINARY_DIR) / "tests" / "load" / "node";
  std::filesystem::create_directories(home);
  std::ofstream(home / "server.js") << kNodeServer;
  if (!std::filesystem::exists(home / "node_modules" / "ws") &&
      run_quietly("cd " + home.string() + " && timeout 60 npm install --no-audit --no-fund --silent ws@8",
                  home / "npm.log") != 0) {
    peer.why_not_ = "npm could not install ws: see " + (home / "npm.log").string();
    return peer;
  }
  peer.start({"node", (home / "server.js").string(), std::to_string(peer.port_)}, "node");
  return peer;
}

}  // namespace fanlight::load
