#include "server/limits/breaker.hpp"

namespace fanlight::server::limits {

bool Breaker::allow(std::uint64_t now_ns) {
  if (state_ == State::open && now_ns - since_ns_ >= limits_.pause_ns) {
    state_ = State::half_open;
    in_a_row_ = 0;
    trying_ = false;
  }
  const bool allowed = state_ == State::closed || (state_ == State::half_open && !trying_);
  if (allowed) {
    trying_ = state_ == State::half_open;
  } else {
    ++refused_;
  }
  return allowed;
}

void Breaker::report(bool good, std::uint64_t now_ns) {
  trying_ = false;
  switch (state_) {
    case State::closed:
      in_a_row_ = good ? 0 : in_a_row_ + 1;
      if (in_a_row_ >= limits_.failures) open(now_ns);
      return;
    case State::half_open:
      if (!good) return open(now_ns);
      if (++in_a_row_ < limits_.successes) return;
      state_ = State::closed;
      in_a_row_ = 0;
      return;
    case State::open: return;  // the outcome of a try that began before
  }
}

void Breaker::open(std::uint64_t now_ns) {
  state_ = State::open;
  since_ns_ = now_ns;
  in_a_row_ = 0;
  ++opened_;
}

}  // namespace fanlight::server::limits
