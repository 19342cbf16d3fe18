#include "load/chunk_framing.hpp"

#include <utility>

namespace fanlight::load {

ChunkFraming::Phase ChunkFraming::after(char c) {
  switch (phase_) {
    case Phase::size: {
      unsigned digit = 16;
      if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a' + 10);
      if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A' + 10);
      if (digit < 16) {
        left_ = left_ * 16 + digit;
        return ++digits_ <= 10 ? Phase::size : Phase::failed;  // ten digits are 2^40
      }
      if (digits_ == 0) return Phase::failed;
      if (c == '\r') return Phase::size_end;
      return c == ';' || c == ' ' || c == '\t' ? Phase::extension : Phase::failed;
    }
    case Phase::extension: return c == '\r' ? Phase::size_end : c == '\n' ? Phase::failed : phase_;
    case Phase::size_end:
      digits_ = 0;
      line_ = 0;
      if (c != '\n') return Phase::failed;
      return left_ == 0 ? Phase::trailer : Phase::data;
    case Phase::data_end: return c == '\r' ? Phase::data_end_lf : Phase::failed;
    case Phase::data_end_lf: return c == '\n' ? Phase::size : Phase::failed;
    case Phase::trailer:
      if (c == '\n' && std::exchange(line_, std::uint16_t{0}) == 0) return Phase::finished;
      if (c == '\n') return ++digits_ < 100 ? Phase::trailer : Phase::failed;
      if (c != '\r' && ++line_ > 8192) return Phase::failed;
      return Phase::trailer;
    default: return phase_;
  }
}

}  // namespace fanlight::load
