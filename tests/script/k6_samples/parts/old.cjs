exports.twice = (x) => 2 * x;
exports.name = 'old';
