#include "collector/cli/top_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "collector/formats/table.hpp"
#include "collector/formats/text.hpp"
#include "collector/profile/merge.hpp"
#include "core/units.hpp"

namespace fanlight::cli {
namespace {

using formats::clean;
using profile::Profile;

/// Cells in columns; the first column is the wide one. Numbers stand right.
class Columns {
 public:
  Columns(std::vector<std::size_t> widths, std::size_t width) : widths_(std::move(widths)), width_(width) {}
  std::string line(const std::vector<std::string>& cells) const {
    std::size_t used = 0;
    for (const std::size_t width : widths_) used += width + 1;
    const std::size_t first = width_ > used + 8 ? width_ - used : 8;
    std::string text = fitted(cells[0], first, false);
    for (std::size_t i = 0; i < widths_.size(); ++i) text += " " + fitted(cells[i + 1], widths_[i], true);
    return text;
  }

 private:
  static std::size_t letters(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  static std::string fitted(const std::string& raw, std::size_t width, bool right) {
    std::string text = clean(raw);
    while (letters(text) > width) text = formats::shortened(text, width);
    const std::string pad(width - letters(text), ' ');
    return right ? pad + text : text + pad;
  }

  std::vector<std::size_t> widths_;
  std::size_t width_;
};

double seconds_of(const Profile& profile) {
  return profile.to_ns > profile.from_ns ? static_cast<double>(profile.to_ns - profile.from_ns) / 1e9 : 1;
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return format_share(static_cast<double>(part), static_cast<double>(whole));
}

std::string per_second(const Profile& profile, double amount) {
  return format_count(std::round(amount / seconds_of(profile) * 10) / 10) + "/s";
}

struct States {
  std::uint64_t running = 0;
  std::uint64_t runnable = 0;
  std::uint64_t blocked = 0;
  std::uint64_t sum() const { return running + runnable + blocked; }
};

States states_of(const PerReason& ns) {
  States states;
  for (std::size_t i = 0; i < kReasons; ++i) {
    switch (state_of(static_cast<Reason>(i))) {
      case State::running: states.running += ns[i]; break;
      case State::runnable: states.runnable += ns[i]; break;
      case State::blocked: states.blocked += ns[i]; break;
    }
  }
  return states;
}

std::string mostly_on(const PerReason& ns) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < kReasons; ++i) {
    if (state_of(static_cast<Reason>(i)) == State::blocked && (most == 0 || ns[i] > ns[most])) most = i;
  }
  return ns[most] == 0 || most == 0 ? "-" : std::string(name_of(static_cast<Reason>(most)));
}

bool wanted(const TopChoice& choice, const std::string& name) {
  return choice.filter.empty() || name.find(choice.filter) != std::string::npos;
}

class Page {
 public:
  Page(const Profile& profile, const TopChoice& choice, std::size_t width, std::size_t height)
      : profile_(profile), choice_(choice), width_(width), height_(height) {}

  std::vector<TopLine> lines() {
    head();
    const std::size_t left = height_ > lines_.size() + 1 ? height_ - lines_.size() - 1 : 0;
    threads(left / 2);
    panel(left - left / 2);
    while (lines_.size() + 1 < height_) add("");
    keys();
    if (lines_.size() > height_) lines_.resize(height_);
    return std::move(lines_);
  }

 private:
  using Look = TopLine::Look;
  void add(const std::string& text, Look look = Look::plain) {
    std::string line = clean(text);
    // The end matters least; a name that is cut within is cut by its column.
    for (std::size_t letters = formats::letters(line); letters > width_; --letters) {
      while ((static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
      line.pop_back();
    }
    lines_.push_back({look, std::move(line)});
  }

  void head() {
    const profile::Target& target = profile_.target;
    add("fanlight top: " + target.name + " (pid " + std::to_string(target.pid) + "), last " +
            format_ns(seconds_of(profile_) * 1e9) + (choice_.frozen ? ", FROZEN" : "") +
            (choice_.filter.empty() ? "" : ", filter: " + choice_.filter),
        Look::title);
    const States states = states_of(profile::totals(profile_));
    KernelHistogram queue;
    kernel::SocketCounts socket;
    for (const profile::Thread& thread : profile_.threads) {
      queue.merge(thread.run_queue_ns);
      profile::add(socket, thread.socket);
    }
    const auto latency = [](const KernelHistogram& histogram, double fraction) {
      return histogram.count() == 0 ? std::string("-") : format_ns(static_cast<double>(histogram.percentile(fraction)));
    };
    add("running " + share(states.running, states.sum()) + ", runnable " + share(states.runnable, states.sum()) +
        ", blocked " + share(states.blocked, states.sum()) + "; queue p50 " + latency(queue, 0.5) + ", p99 " +
        latency(queue, 0.99));
    std::string work;
    for (const profile::Metric& metric : profile_.metrics) {
      if (profile::of_kernel(metric)) continue;
      if (metric.kind == profile::Metric::Kind::counter) {
        work += (work.empty() ? "" : ", ") + metric.name + " " + per_second(profile_, metric.value);
      } else if (metric.kind == profile::Metric::Kind::histogram) {
        work += (work.empty() ? "" : ", ") + metric.name + " p99 " + latency(metric.histogram, 0.99);
      }
    }
    if (!work.empty()) add(work);
    std::uint64_t dropped = 0;
    for (const LedgerEntry& entry : profile_.ledger) dropped += entry.dropped_total();
    add("socket writes " + per_second(profile_, static_cast<double>(socket.writes)) + ", " +
            format_bytes(static_cast<double>(socket.bytes) / seconds_of(profile_)) + "/s, buffer full " +
            share(socket.would_block, socket.writes) + "; lost " + std::to_string(dropped) + " records" + "; own CPU " +
            format_share(static_cast<double>(profile_.cost.cpu_ns) / 1e9, seconds_of(profile_)),
        dropped > 0 ? Look::warning : Look::plain);
  }

  void threads(std::size_t rows) {
    if (rows < 2) return;
    const Columns columns({8, 8, 8, 8, 14, 9}, width_);
    add(columns.line({"thread", "tid", "running", "runnable", "blocked", "mostly on", "queue p99"}), Look::head);
    std::vector<const profile::Thread*> all;
    for (const profile::Thread& thread : profile_.threads) {
      if (profile::sum(thread.ns) > 0 && wanted(choice_, thread.name)) all.push_back(&thread);
    }
    std::stable_sort(all.begin(), all.end(), [&](const auto* a, const auto* b) {
      const States left = states_of(a->ns);
      const States right = states_of(b->ns);
      switch (choice_.sort) {
        case SortBy::runnable: return left.runnable > right.runnable;
        case SortBy::blocked: return left.blocked > right.blocked;
        case SortBy::name: return a->name < b->name;
        case SortBy::running: break;
      }
      return left.running > right.running;
    });
    for (std::size_t i = 0; i < std::min(all.size(), rows - 1); ++i) {
      const profile::Thread& thread = *all[i];
      const States states = states_of(thread.ns);
      add(columns.line({thread.name, std::to_string(thread.tid), share(states.running, states.sum()),
                        share(states.runnable, states.sum()), share(states.blocked, states.sum()), mostly_on(thread.ns),
                        thread.run_queue_ns.count() == 0
                            ? "-"
                            : format_ns(static_cast<double>(thread.run_queue_ns.percentile(0.99)))}));
    }
  }

  void panel(std::size_t rows) {
    if (rows < 2) return;
    switch (choice_.panel) {
      case Panel::functions: functions(rows); break;
      case Panel::sockets: sockets(rows); break;
      case Panel::maps: maps(rows); break;
      case Panel::locks: locks(rows); break;
      case Panel::ledger: ledger(rows); break;
    }
  }

  void functions(std::size_t rows) {
    const profile::WeightedStacks stacks = profile::view(profile_, choice_.view);
    const Columns columns({8, 8}, width_);
    add(columns.line({"functions, " + stacks.name, "self", "with all"}), Look::head);
    const std::uint64_t whole = stacks.total();
    for (const profile::TopFunction& function : profile::top_functions(stacks)) {
      if (--rows == 0) return;
      if (!wanted(choice_, function.name)) {
        ++rows;
        continue;
      }
      add(columns.line({function.name, share(function.self, whole), share(function.total, whole)}));
    }
  }

  void sockets(std::size_t rows) {
    const Columns columns({10, 10, 12, 10}, width_);
    add(columns.line({"slow clients, by thread", "writes", "bytes", "buffer full", "errors"}), Look::head);
    std::vector<const profile::Thread*> all;
    for (const profile::Thread& thread : profile_.threads) {
      if (thread.socket.writes > 0 && wanted(choice_, thread.name)) all.push_back(&thread);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](auto* a, auto* b) { return a->socket.would_block > b->socket.would_block; });
    for (std::size_t i = 0; i < std::min(all.size(), rows - 1); ++i) {
      const kernel::SocketCounts& socket = all[i]->socket;
      add(columns.line({all[i]->name, per_second(profile_, static_cast<double>(socket.writes)),
                        format_bytes(static_cast<double>(socket.bytes) / seconds_of(profile_)) + "/s",
                        share(socket.would_block, socket.writes), std::to_string(socket.errors)}));
    }
  }

  void maps(std::size_t rows) {
    const Columns columns({12, 10, 8, 10, 10}, width_);
    add(columns.line({"map operations", "operation", "per second", "failed", "p99", "total"}), Look::head);
    const auto show = [&](const std::string& name, const std::string& operation, std::uint64_t count,
                          const std::string& failed, const KernelHistogram& latency, std::uint64_t total) {
      if (rows < 2 || !wanted(choice_, name)) return;
      --rows;
      add(columns.line({name, operation, per_second(profile_, static_cast<double>(count)), failed,
                        latency.count() == 0 ? "-" : format_ns(static_cast<double>(latency.percentile(0.99))),
                        format_ns(static_cast<double>(total))}));
    };
    for (const kernel::MapReading& map : profile_.maps) {
      show(map.map_name, map.operation, map.count, std::to_string(map.errors), map.latency_ns, map.total_ns);
    }
    for (const kernel::RegistryReading& row : profile_.registries) {
      show("registry " + row.registry + " #" + std::to_string(row.shard), row.operation, row.count, "-", row.wait,
           row.wait_ns);
    }
  }

  void locks(std::size_t rows) {
    const Columns columns({8, 8, 8, 12}, width_);
    add(columns.line({"locks of the target", "waits", "waited", "p99", "held by"}), Look::head);
    for (const profile::Lock& lock : profile_.locks) {
      if (rows < 2) return;
      --rows;
      std::array<char, 32> address{};
      std::snprintf(address.data(), address.size(), "0x%llx", static_cast<unsigned long long>(lock.address));
      add(columns.line(
          {lock.name.empty() ? address.data() : lock.name, per_second(profile_, static_cast<double>(lock.waits)),
           format_ns(static_cast<double>(lock.wait_ns)), format_ns(static_cast<double>(lock.wait.percentile(0.99))),
           lock.holder.empty() ? "-" : lock.holder}));
    }
    if (profile_.locks.empty()) add("no lock waits were seen; the report tells waits by their stacks");
  }

  void ledger(std::size_t rows) {
    const Columns columns({12, 12, 10, 12}, width_);
    add(columns.line({"ledger", "produced", "delivered", "dropped", "unaccounted"}), Look::head);
    for (const LedgerEntry& entry : profile_.ledger) {
      if (rows < 2) return;
      --rows;
      add(columns.line({entry.source, std::to_string(entry.produced), std::to_string(entry.delivered),
                        std::to_string(entry.dropped_total()), std::to_string(entry.balance())}),
          entry.dropped_total() > 0 || entry.balance() != 0 ? Look::warning : Look::plain);
    }
  }

  void keys() {
    if (choice_.typing) return add("filter: " + choice_.filter + "_   (Enter: keep, Esc: clear)", Look::keys);
    if (!choice_.message.empty()) return add(choice_.message, Look::keys);
    add("q quit  space freeze  s sort  / filter  tab panel  v view  + - seconds  w save", Look::keys);
  }

  const Profile& profile_;
  const TopChoice& choice_;
  std::size_t width_;
  std::size_t height_;
  std::vector<TopLine> lines_;
};

}  // namespace

std::vector<TopLine> top_page(const Profile& profile, const TopChoice& choice, std::size_t width, std::size_t height) {
  return Page(profile, choice, std::max<std::size_t>(width, 20), std::max<std::size_t>(height, 4)).lines();
}

}  // namespace fanlight::cli
