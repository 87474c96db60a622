# Eight threads, each with a fiber of its own that sleeps now and then; and an enumerator, which is a fiber, too.
results = Queue.new
threads = 8.times.map do
  Thread.new do
    fiber = Fiber.new do
      x = 0
      loop do
        x += 1
        sleep 0.0005 if x % 50 == 0
        Fiber.yield x
      end
    end
    sum = 0
    500.times { sum += fiber.resume }
    100_000.times { sum ^= 1 } # computes until it is preempted
    results << sum
  end
end
threads.each(&:join)
p results.size, 8.times.map { results.pop }.uniq
numbers = Enumerator.new { |y| 1000.times { |i| y << i } }
p numbers.next, numbers.next, numbers.lazy.map { |x| x * 2 }.first(3)
