// Macros of that name would take the :: before a function for an expression.
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <clocale>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collector/cli/command.hpp"
#include "collector/cli/live_client.hpp"
#include "collector/cli/output.hpp"
#include "collector/cli/stop.hpp"
#include "collector/cli/top_page.hpp"
#include "collector/formats/pprof.hpp"
#include "core/clock.hpp"

namespace fanlight::cli {
namespace {

struct TopOptions {
  std::string where = "127.0.0.1:9180";
};

constexpr std::array<unsigned, 6> kSeconds{1, 2, 5, 10, 30, 60};

/// The terminal is ours as long as this lives, and as it was afterwards.
class Screen {
 public:
  Screen() : terminal_(::newterm(nullptr, stdout, stdin)) {
    if (terminal_ == nullptr) return;
    ::set_term(terminal_);
    ::cbreak();
    ::noecho();
    ::keypad(stdscr, TRUE);
    ::curs_set(0);
    ::set_escdelay(50);
  }
  ~Screen() {
    if (terminal_ == nullptr) return;
    ::endwin();
    ::delscreen(terminal_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  explicit operator bool() const { return terminal_ != nullptr; }

  void show(const std::vector<TopLine>& lines) const {
    ::erase();
    for (std::size_t row = 0; row < lines.size(); ++row) {
      attr_t look = A_NORMAL;
      switch (lines[row].look) {
        case TopLine::Look::head: look = A_REVERSE; break;
        case TopLine::Look::title:
        case TopLine::Look::warning: look = A_BOLD; break;
        case TopLine::Look::keys: look = A_DIM; break;
        case TopLine::Look::plain: break;
      }
      ::attrset(look);
      ::mvaddnstr(static_cast<int>(row), 0, lines[row].text.c_str(), -1);
    }
    ::refresh();
  }

 private:
  SCREEN* terminal_;
};

template <class Enum>
Enum next_of(Enum value, int count) {
  return static_cast<Enum>((static_cast<int>(value) + 1) % count);
}

std::string save(const profile::Profile& profile) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  char name[64];
  ::gmtime_r(&now, &parts);
  std::strftime(name, sizeof name, "fanlight-%Y%m%dT%H%M%SZ.pb.gz", &parts);
  const auto bytes = formats::pprof(profile::view(profile, profile::View::wall, true));
  if (!bytes) return bytes.error().what;
  if (const auto written = write_out(name, *bytes); !written) return written.error().what;
  return std::string("saved as ") + name;
}

/// False: the user wants to leave.
bool take_key(int key, TopChoice& choice, const profile::Profile& profile) {
  choice.message.clear();
  if (choice.typing) {
    if (key == '\n' || key == KEY_ENTER) {
      choice.typing = false;
    } else if (key == 27) {
      choice.typing = false;
      choice.filter.clear();
    } else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
      if (!choice.filter.empty()) choice.filter.pop_back();
    } else if (key >= 32 && key < 127 && choice.filter.size() < 60) {
      choice.filter += static_cast<char>(key);
    }
    return true;
  }
  const auto at = std::find(kSeconds.begin(), kSeconds.end(), choice.seconds);
  switch (key) {
    case 'q': return false;
    case ' ': choice.frozen = !choice.frozen; break;
    case 's': choice.sort = next_of(choice.sort, 4); break;
    case '/': choice.typing = true; break;
    case '\t': choice.panel = next_of(choice.panel, 5); break;
    case 'v': choice.view = next_of(choice.view, 4); break;
    case 'w': choice.message = save(profile); break;
    case '+':
      if (at + 1 != kSeconds.end()) choice.seconds = *(at + 1);
      break;
    case '-':
      if (at != kSeconds.begin()) choice.seconds = *(at - 1);
      break;
    default: break;
  }
  return true;
}

Result<Outcome> top(const TopOptions& options) {
  if (::isatty(STDOUT_FILENO) != 1 || ::isatty(STDIN_FILENO) != 1) {
    return fail(0, "top: standard input and output are not a terminal",
                "for programs: curl http://" + options.where + "/api/report");
  }
  constexpr std::chrono::milliseconds kPatience{5000};
  auto client = LiveClient::connect(options.where, kPatience);
  if (!client) return within("top", client.error());
  std::setlocale(LC_CTYPE, "");
  catch_stop_signals();
  std::optional<Error> lost;
  {
    const Screen screen;
    if (!screen) return fail(0, "top: the terminal is not known", "set TERM, for example TERM=xterm-256color");
    TopChoice choice;
    profile::Profile profile;
    std::uint64_t asked_ns = 0;
    constexpr std::uint64_t kRefreshNs = 500'000'000;
    while (!stop_requested()) {
      if (!choice.frozen && monotonic_ns() - asked_ns >= kRefreshNs) {
        asked_ns = monotonic_ns();
        const std::uint64_t back = std::uint64_t{choice.seconds} * 1'000'000'000;
        auto answer = client->ask(asked_ns - std::min(asked_ns, back), ~std::uint64_t{0});
        if (!answer) {
          lost = answer.error();
          break;
        }
        profile = std::move(*answer);
      }
      screen.show(top_page(profile, choice, static_cast<std::size_t>(COLS), static_cast<std::size_t>(LINES)));
      ::timeout(100);
      const int key = ::getch();
      if (key != ERR && !take_key(key, choice, profile)) break;
    }
  }
  if (lost) return within("top", *lost);
  return Outcome{};
}

}  // namespace

void add_top(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("top", "the live view in a terminal: asks a running fanlight attach");
  auto options = std::make_shared<TopOptions>();
  command->add_option("--connect", options->where, "where fanlight attach serves (default 127.0.0.1:9180)")
      ->type_name("HOST:PORT");
  command->footer(
      "\nKeys: q quit, space freeze, s sort, / filter, tab next panel (functions, slow clients, map operations, "
      "locks,\n"
      "ledger), v view of the functions, + and - how many seconds, w save the profile for go tool pprof.\n"
      "\nExamples:\n"
      "  sudo fanlight attach --pid $(pidof fanlight-server) &\n"
      "  fanlight top\n"
      "  ssh -t server fanlight top\n");
  command->callback([options, &run] { run = [options] { return top(*options); }; });
}

}  // namespace fanlight::cli
