// Layered drawing after Sugiyama, Tagawa and Toda (1981): layers by the longest path,
// bends where an edge crosses a layer, order within layers by barycenters swept down and
// up, then positions pulled towards the neighbours' middle and poly-lines with horizontal
// and vertical parts.

#include "analyzer/escape/layout.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace tidemark::escape {
namespace {

constexpr int kSweeps = 8;
constexpr double kBendWidth = 8;

// A node of the drawing: one of the graph's, or a bend of an edge.
struct Item {
  uint32_t layer = 0;
  double width = 0;
  double height = 0;
  double center = 0;
  double order = 0;
  std::vector<uint32_t> above;  // items one layer up
  std::vector<uint32_t> below;
};

class Drawing {
 public:
  Drawing(const EscapeSite& site, const std::vector<Size>& sizes, double gap_x, double gap_y)
      : site_(site), gap_x_(gap_x), gap_y_(gap_y) {
    items_.resize(sizes.size());
    for (size_t i = 0; i < sizes.size(); ++i) {
      items_[i].width = sizes[i].width;
      items_[i].height = sizes[i].height;
    }
  }

  Layout Make() {
    AssignLayers();
    AddBends();
    OrderLayers();
    PlaceLayers();
    return Result();
  }

 private:
  bool IsDrawn(const Edge& edge) const {
    return edge.from < site_.nodes.size() && edge.to < site_.nodes.size() && edge.from != edge.to;
  }

  // Longest path from the sources. The rounds are bounded, so that a circle, which a
  // caller should not draw, costs order but ends.
  void AssignLayers() {
    const size_t n = site_.nodes.size();
    for (size_t round = 0; round < n; ++round) {
      bool changed = false;
      for (const Edge& edge : site_.edges) {
        if (!IsDrawn(edge) || items_[edge.to].layer > items_[edge.from].layer) continue;
        if (items_[edge.from].layer + 1 >= n) continue;
        items_[edge.to].layer = items_[edge.from].layer + 1;
        changed = true;
      }
      if (!changed) break;
    }
  }

  void Connect(uint32_t upper, uint32_t lower) {
    items_[upper].below.push_back(lower);
    items_[lower].above.push_back(upper);
  }

  void AddBends() {
    for (const Edge& edge : site_.edges) {
      std::vector<uint32_t>& chain = chains_.emplace_back();
      if (!IsDrawn(edge)) continue;
      chain.push_back(edge.from);
      const uint32_t first = items_[edge.from].layer;
      const uint32_t last = items_[edge.to].layer;
      for (uint32_t layer = first + 1; layer < last; ++layer) {
        const uint32_t bend = static_cast<uint32_t>(items_.size());
        items_.emplace_back().layer = layer;
        items_.back().width = kBendWidth;
        chain.push_back(bend);
      }
      chain.push_back(edge.to);
      if (last <= first) continue;
      for (size_t i = 1; i < chain.size(); ++i) Connect(chain[i - 1], chain[i]);
    }
    uint32_t layers = 0;
    for (const Item& item : items_) layers = std::max(layers, item.layer + 1);
    layers_.resize(layers);
    for (uint32_t i = 0; i < items_.size(); ++i) layers_[items_[i].layer].push_back(i);
  }

  template <class Position>
  static double Mean(const std::vector<uint32_t>& neighbours, double otherwise,
                     const Position& position) {
    if (neighbours.empty()) return otherwise;
    double sum = 0;
    for (uint32_t i : neighbours) sum += position(i);
    return sum / static_cast<double>(neighbours.size());
  }

  void OrderLayer(std::vector<uint32_t>& layer, bool by_above) {
    const auto order = [this](uint32_t i) { return items_[i].order; };
    std::vector<std::pair<double, uint32_t>> keys;
    for (uint32_t i : layer) {
      keys.emplace_back(Mean(by_above ? items_[i].above : items_[i].below, order(i), order), i);
    }
    std::stable_sort(keys.begin(), keys.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t k = 0; k < keys.size(); ++k) {
      layer[k] = keys[k].second;
      items_[layer[k]].order = static_cast<double>(k);
    }
  }

  void OrderLayers() {
    for (std::vector<uint32_t>& layer : layers_) {
      for (size_t k = 0; k < layer.size(); ++k) items_[layer[k]].order = static_cast<double>(k);
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (size_t l = 1; l < layers_.size(); ++l) OrderLayer(layers_[l], true);
      for (size_t l = layers_.size(); l-- > 1;) OrderLayer(layers_[l - 1], false);
    }
  }

  double Apart(uint32_t left, uint32_t right) const {
    return (items_[left].width + items_[right].width) / 2 + gap_x_;
  }

  // Each item as near as may be to where it wants to be, in order and apart: the mean of
  // packing from the left and packing from the right.
  void PlaceLayer(const std::vector<uint32_t>& layer, const std::vector<double>& wanted) {
    std::vector<double> left = wanted;
    std::vector<double> right = wanted;
    for (size_t k = 1; k < layer.size(); ++k) {
      left[k] = std::max(left[k], left[k - 1] + Apart(layer[k - 1], layer[k]));
    }
    for (size_t k = layer.size(); k-- > 1;) {
      right[k - 1] = std::min(right[k - 1], right[k] - Apart(layer[k - 1], layer[k]));
    }
    for (size_t k = 0; k < layer.size(); ++k) items_[layer[k]].center = (left[k] + right[k]) / 2;
  }

  void PlaceLayers() {
    for (const std::vector<uint32_t>& layer : layers_) {
      PlaceLayer(layer, std::vector<double>(layer.size(), 0.0));
    }
    const auto center = [this](uint32_t i) { return items_[i].center; };
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (size_t l = 0; l < layers_.size(); ++l) {
        const size_t at = sweep % 2 == 0 ? l : layers_.size() - 1 - l;
        std::vector<double> wanted;
        for (uint32_t i : layers_[at]) {
          wanted.push_back(
              Mean(sweep % 2 == 0 ? items_[i].above : items_[i].below, center(i), center));
        }
        PlaceLayer(layers_[at], wanted);
      }
    }
  }

  Layout Result() const {
    Layout result;
    if (items_.empty()) {
      result.edges.resize(site_.edges.size());
      return result;
    }
    double left = items_[0].center - items_[0].width / 2;
    double right = left;
    for (const Item& item : items_) {
      left = std::min(left, item.center - item.width / 2);
      right = std::max(right, item.center + item.width / 2);
    }
    std::vector<double> top(layers_.size() + 1, 0.0);
    std::vector<double> height(layers_.size(), 0.0);
    for (size_t l = 0; l < layers_.size(); ++l) {
      for (uint32_t i : layers_[l]) height[l] = std::max(height[l], items_[i].height);
      top[l + 1] = top[l] + height[l] + gap_y_;
    }
    result.size = {.width = right - left, .height = top.back() - gap_y_};
    const auto box = [&](uint32_t i) {
      const Item& item = items_[i];
      // Nodes of one layer stand on one middle line.
      return Box{.x = item.center - item.width / 2 - left,
                 .y = top[item.layer] + (height[item.layer] - item.height) / 2,
                 .width = item.width,
                 .height = item.height};
    };
    for (uint32_t i = 0; i < site_.nodes.size(); ++i) result.nodes.push_back(box(i));
    for (const std::vector<uint32_t>& chain : chains_) {
      result.edges.push_back(PolyLine(chain, box));
    }
    return result;
  }

  // From the bottom of one box to the top of the next, turning in the middle of the gap.
  template <class BoxOf>
  std::vector<std::pair<double, double>> PolyLine(const std::vector<uint32_t>& chain,
                                                  const BoxOf& box_of) const {
    std::vector<std::pair<double, double>> line;
    for (size_t k = 1; k < chain.size(); ++k) {
      const Box from = box_of(chain[k - 1]);
      const Box to = box_of(chain[k]);
      const double x0 = from.x + from.width / 2;
      const double x1 = to.x + to.width / 2;
      const double y0 = from.y + from.height;
      const double turn = to.y - gap_y_ / 2;
      if (line.empty()) line.emplace_back(x0, y0);
      if (x0 != x1) {
        line.emplace_back(x0, turn);
        line.emplace_back(x1, turn);
      }
      line.emplace_back(x1, to.y);
    }
    return line;
  }

  const EscapeSite& site_;
  const double gap_x_;
  const double gap_y_;
  std::vector<Item> items_;                    // the graph's nodes first, then bends
  std::vector<std::vector<uint32_t>> chains_;  // per edge: its items from top to bottom
  std::vector<std::vector<uint32_t>> layers_;
};

}  // namespace

Layout LayOut(const EscapeSite& site, const std::vector<Size>& node_sizes, double gap_x,
              double gap_y) {
  return Drawing(site, node_sizes, gap_x, gap_y).Make();
}

}  // namespace tidemark::escape
