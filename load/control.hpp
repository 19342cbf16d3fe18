// The tester's own HTTP while it runs: GET /metrics, GET and POST /policy, GET /healthz. In: an address. Out: answers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "load/policy.hpp"

namespace fanlight::load {

/// Answers only requests that name its own address as Host and, from browsers, as Origin. Threads: one of its own, gone
/// with it.
class Control {
 public:
  /// "127.0.0.1:9190"; port 0: any that is free. Errors: no such address, the port is taken.
  static Result<Control> start(std::string_view listen, const Running& running);
  Control(Control&&) noexcept;
  Control& operator=(Control&&) noexcept;
  ~Control();

  const std::string& address() const;  // with the port that it got

 private:
  struct State;
  explicit Control(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::load
