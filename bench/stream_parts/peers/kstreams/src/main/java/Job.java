import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/** The comparison job in Kafka Streams: java Job BROKER EVENTS PREFIX STATE_DIR default|tuned. Marks go to stdout. */
public class Job {
  static final ObjectMapper JSON = new ObjectMapper();
  static final Map<String, Integer> PLACE = Map.of(
      "home.hero", 0, "home.feed", 1, "product.similar", 2, "cart.upsell", 3, "search.top", 4, "mail.block", 5);

  public static class Event {
    public String client, customer, session, placement, content;
    public double ts;
  }

  /** The same JSON list of 15 numbers as in toy.py. */
  @JsonFormat(shape = JsonFormat.Shape.ARRAY)
  @JsonPropertyOrder({"events", "sessions", "first", "last", "meanGap", "longestGap",
      "p0", "p1", "p2", "p3", "p4", "p5", "session", "contents", "activity"})
  public static class Profile {
    public long events, sessions;
    public double first, last, meanGap, longestGap;
    public long p0, p1, p2, p3, p4, p5, session, contents;
    public double activity;

    Profile update(Event event) {
      double ts = event.ts;
      if (events > 0) {
        double gap = ts - last;
        meanGap += 0.1 * (gap - meanGap);
        if (gap > longestGap) longestGap = gap;
        activity = activity * 0.99 + 1.0;
      } else {
        first = ts;
        activity = 1.0;
      }
      last = ts;
      events++;
      switch (PLACE.get(event.placement)) {
        case 0: p0++; break;
        case 1: p1++; break;
        case 2: p2++; break;
        case 3: p3++; break;
        case 4: p4++; break;
        default: p5++;
      }
      long now = Long.parseUnsignedLong(event.session.substring(event.session.length() - 8), 16);
      if (now != session) {
        session = now;
        sessions++;
      }
      contents ^= Long.parseLong(event.content.substring(5));
      return this;
    }
  }

  static <T> Serde<T> json(Class<T> type) {
    var writer = JSON.writerFor(type);
    var reader = JSON.readerFor(type);
    Serializer<T> to = (topic, value) -> {
      try {
        return value == null ? null : writer.writeValueAsBytes(value);
      } catch (Exception fault) {
        throw new RuntimeException(fault);
      }
    };
    Deserializer<T> from = (topic, bytes) -> {
      try {
        return bytes == null ? null : reader.readValue(bytes);
      } catch (Exception fault) {
        throw new RuntimeException(fault);
      }
    };
    return Serdes.serdeFrom(to, from);
  }

  /** 120 bytes of state instead of JSON: what a tuned application keeps. */
  static Serde<Profile> binary() {
    return Serdes.serdeFrom(
        (topic, v) -> v == null ? null : ByteBuffer.allocate(120)
            .putLong(v.events).putLong(v.sessions).putDouble(v.first).putDouble(v.last)
            .putDouble(v.meanGap).putDouble(v.longestGap)
            .putLong(v.p0).putLong(v.p1).putLong(v.p2).putLong(v.p3).putLong(v.p4).putLong(v.p5)
            .putLong(v.session).putLong(v.contents).putDouble(v.activity).array(),
        (topic, bytes) -> {
          if (bytes == null) return null;
          ByteBuffer b = ByteBuffer.wrap(bytes);
          Profile v = new Profile();
          v.events = b.getLong();
          v.sessions = b.getLong();
          v.first = b.getDouble();
          v.last = b.getDouble();
          v.meanGap = b.getDouble();
          v.longestGap = b.getDouble();
          v.p0 = b.getLong();
          v.p1 = b.getLong();
          v.p2 = b.getLong();
          v.p3 = b.getLong();
          v.p4 = b.getLong();
          v.p5 = b.getLong();
          v.session = b.getLong();
          v.contents = b.getLong();
          v.activity = b.getDouble();
          return v;
        });
  }

  static long seen;

  static void say(String mark) {
    System.out.println(mark);
    System.out.flush();
  }

  public static void main(String[] args) throws Exception {
    long target = Long.parseLong(args[1]);
    boolean tuned = args[4].equals("tuned");
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2] + "kstreams");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    if (tuned) {
      settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
      settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 262144);
      settings.put(StreamsConfig.producerPrefix(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG), false);
      settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4000);
    }
    CountDownLatch done = new CountDownLatch(1);
    var events = json(Event.class);
    var kept = Materialized.<String, Profile>as(Stores.inMemoryKeyValueStore("profiles"))
        .withKeySerde(Serdes.String()).withValueSerde(tuned ? binary() : json(Profile.class));
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("toy-events", Consumed.with(Serdes.String(), events))
        .groupByKey(Grouped.with(Serdes.String(), events))
        .aggregate(Profile::new, (key, event, profile) -> {
          if (seen++ == 0) say("first");
          if (seen == target / 2) say("half");
          if (seen == target) done.countDown();
          return profile.update(event);
        }, kept)
        .toStream().to(args[2] + "toy-profiles", Produced.with(Serdes.String(), json(Profile.class)));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    done.await();
    streams.close();
    say("done");
    System.in.read(); // until the bench has looked at the process
    Runtime.getRuntime().halt(0);
  }
}
