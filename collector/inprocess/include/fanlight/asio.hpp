// Labels that follow work through Asio. In: an executor. Out: one that runs each handler with the labels and the trace
// of whoever posted it, or began the operation that it completes; coroutines keep their labels from one thread to the
// next. Boost.Asio 1.74 and later; with FANLIGHT_STANDALONE_ASIO defined, Asio 1.18 and later.
#pragma once

#ifdef FANLIGHT_STANDALONE_ASIO
#include <asio/execution.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/require.hpp>
#else
#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#endif

#include <type_traits>
#include <utility>

#include "fanlight/label.hpp"

namespace fanlight::inprocess {

#ifdef FANLIGHT_STANDALONE_ASIO
namespace asio = ::asio;
#else
namespace asio = ::boost::asio;
#endif

/// Asked for work to be tracked; asio::any_io_executor asks by another name.
template <class Property>
inline constexpr bool kTracksWork = std::is_convertible_v<Property, asio::execution::outstanding_work_t::tracked_t>;
template <class Property>
inline constexpr bool kTracksWork<asio::execution::prefer_only<Property>> = kTracksWork<Property>;

/// Wraps any executor: `fanlight::LabelledExecutor executor(context.get_executor());`, to be given to I/O objects,
/// co_spawn, post and bind_executor. Threads: as the executor within. Cost: that of the executor within and, for a
/// thread with labels, an allocation and two copies of them for each handler.
template <class Inner>
class LabelledExecutor {
 public:
  explicit LabelledExecutor(Inner inner) : inner_(std::move(inner)) {}
  LabelledExecutor(Inner inner, bool taken, LabelSnapshot labels)
      : inner_(std::move(inner)), labels_(std::move(labels)), taken_(taken) {}

  const Inner& inner() const noexcept { return inner_; }
  bool operator==(const LabelledExecutor& other) const noexcept { return inner_ == other.inner_; }
  bool operator!=(const LabelledExecutor& other) const noexcept { return !(*this == other); }

  /// With the labels that were taken when an operation began, or else those of the calling thread.
  template <class Function>
  void execute(Function&& function) const {
    inner_.execute(
        [labels = taken_ ? labels_ : LabelSnapshot::take(), function = std::forward<Function>(function)]() mutable {
          const LabelsOf during(labels);
          std::move(function)();
        });
  }

  template <class Property>
  auto query(const Property& property) const
      -> std::enable_if_t<asio::can_query<const Inner&, Property>::value,
                          typename asio::query_result<const Inner&, Property>::type> {
    return asio::query(inner_, property);
  }
  template <class Property>
  auto require(const Property& property) const
      -> std::enable_if_t<asio::can_require<const Inner&, Property>::value,
                          LabelledExecutor<std::decay_t<typename asio::require_result<const Inner&, Property>::type>>> {
    return wrapped<Property>(asio::require(inner_, property));
  }
  template <class Property>
  auto prefer(const Property& property) const
      -> std::enable_if_t<asio::can_prefer<const Inner&, Property>::value,
                          LabelledExecutor<std::decay_t<typename asio::prefer_result<const Inner&, Property>::type>>> {
    return wrapped<Property>(asio::prefer(inner_, property));
  }

 private:
  /// Operations keep their executor as one that tracks work, from the thread that begins them: there labels are taken.
  template <class Property, class Other>
  LabelledExecutor<std::decay_t<Other>> wrapped(Other&& other) const {
    using Wrapped = LabelledExecutor<std::decay_t<Other>>;
    if constexpr (kTracksWork<Property>) {
      return Wrapped(std::forward<Other>(other), true, LabelSnapshot::take());
    } else {
      return Wrapped(std::forward<Other>(other), taken_, labels_);
    }
  }

  Inner inner_;
  // No std::optional: executors have to be copied without a throw, and its copies make no such promise.
  LabelSnapshot labels_;
  bool taken_ = false;  // false: those of whoever calls `execute`
};

}  // namespace fanlight::inprocess
