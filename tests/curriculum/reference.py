"""Equations 6 to 13 of the paper, written down once more: slow, literal, and sharing nothing with medloc.

Everything is computed again at every step. Only the decisions on which the paper is silent (rounding, unit,
refresh) are added.
"""

from math import cos, pi, sqrt


def delta_of(schedule, tau):
    name = schedule["name"]
    if name == "piecewise":  # Eq. 11
        d, b = schedule["deltas"], schedule["boundaries"]
        value = d[0]
        if tau >= b[0]:
            value = value - (d[0] - d[1])
        if tau >= b[1]:
            value = value - (d[1] - d[2])
        return value
    if name == "linear":  # Eq. 12
        return schedule["delta0"] * (1 - (tau - schedule["tau0"]) / (schedule["tau_target"] - schedule["tau0"]))
    if name == "cosine":  # Eq. 13
        way = (tau - schedule["tau0"]) / (schedule["tau_target"] - schedule["tau0"])
        return schedule["delta0"] / 2 * (1 + cos(pi * way))
    if name == "identical":
        return schedule["delta"]
    return 0.0


class Reference:
    def __init__(self, config):
        self.config = config
        schedule = config["schedule"]
        self.fixed = schedule["name"] == "fixed"
        self.tau = schedule["tau"] if self.fixed else schedule["tau0"]
        self.entries = []

    def observe(self, groups):
        groups = [[round(value, 6) for value in group] for group in groups]
        n = self.config["window"]["size"]
        if self.config["window"]["unit"] == "step":
            self.entries.append([value for group in groups for value in group])
        else:
            self.entries.extend(groups)
        self.entries = self.entries[-n:]
        used = self.tau
        if len(self.entries) < n:
            return used, self.tau, None, None, None, False

        rewards = []  # of each entry, Eq. 6's inner mean
        for entry in self.entries:
            hits = 0
            for value in entry:
                if value >= used:
                    hits += 1
            rewards.append(hits / len(entry))
        r = sum(rewards) / n  # Eq. 6
        sigma = sqrt(sum((reward - r) ** 2 for reward in rewards) / n)  # Eq. 7
        m = sum(sum(entry) / len(entry) for entry in self.entries) / n - used  # Eq. 8
        r, sigma, m = round(r, 9), round(sigma, 9), round(m, 9)
        return used, self.tau_after(r, sigma, m), r, sigma, m, self.tau > used

    def tau_after(self, r, sigma, m):
        if self.criterion(r, sigma, m) and not self.fixed:
            target = self.config["schedule"]["tau_target"]
            new = min(round(self.tau + delta_of(self.config["schedule"], self.tau), 9), target)  # Eq. 10
            if new > self.tau:
                self.tau = new
                n = self.config["window"]["size"]
                drop = {"half": n // 2, "quarter": n // 4, "full": n, "none": 0}[self.config["window"]["refresh"]]
                self.entries = self.entries[drop:]
        return self.tau

    def criterion(self, r, sigma, m):  # Eq. 9
        criteria, strategy = self.config["criteria"], self.config["strategy"]
        regime = 0
        for boundary in strategy["boundaries"]:
            if self.tau >= boundary:
                regime += 1
        enough = r >= strategy["P"][regime]
        stable = sigma <= strategy["S"][regime]
        beyond = m >= criteria["margin"]
        if criteria["use_reward"] and not enough:
            return False
        if criteria["use_stability"] and not stable:
            return False
        return not (criteria["use_margin"] and not beyond)
